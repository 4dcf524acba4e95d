import type { RefusalKind } from "./house.js";

/** Ends a request with an answer of the gateway's own. */
export class Refusal extends Error {
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
