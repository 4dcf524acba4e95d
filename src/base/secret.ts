import { inspect } from "node:util";

/** A value that must not be seen: it cannot be printed, serialised or joined into a string by accident, only revealed. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Hands out the value; every call site is a place to look at in a review. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}

/** Whether a value can stand in a header of HTTP as it is. */
export const fitsHeader = (value: string): boolean => /^[\x21-\x7e]{1,10000}$/.test(value);
