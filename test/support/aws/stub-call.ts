import type { CborValue } from "./cbor.js";

/** Who calls, as the key says. */
export interface StubCaller {
  readonly account: string;
  readonly arn: string;
  readonly userId: string;
  /** The policies that narrow its session, as they were given. */
  readonly policy: string | null;
  readonly isTemporary: boolean;
}

/** One verified call. `input` has the members of the query form, of JSON or of CBOR, whichever it came as. */
export interface StubCall {
  readonly service: string;
  readonly operation: string;
  readonly region: string;
  readonly caller: StubCaller;
  readonly input: Readonly<Record<string, unknown>>;
}

/** An error that the caller's SDK shall see under its code. */
export class StubFault extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** What an operation answers: an object, whose lists stand in XML as `<member>` or `<item>`. */
export type StubAnswer = { readonly [name: string]: CborValue };

export type StubOperation = (call: StubCall) => StubAnswer;

/** The member as text, or the fault of a missing one. */
export function need({ input }: StubCall, name: string): string {
  const value = input[name];
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new StubFault("ValidationError", `${name} is missing`);
}

/** `Name.1`, `Name.2`, … of a query form. */
export function listed({ input }: StubCall, name: string): string[] {
  const values: string[] = [];
  for (let index = 1; input[`${name}.${index}`] !== undefined; index++) values.push(String(input[`${name}.${index}`]));
  return values;
}
