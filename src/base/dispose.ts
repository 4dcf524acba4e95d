/** Collects things to close and closes them in reverse order; Node 20 has no AsyncDisposableStack of its own. */
export class DisposeStack implements AsyncDisposable {
  readonly #closers: (() => PromiseLike<void> | void)[] = [];

  /** Adds a disposable and hands it back. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.#closers.push(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Adds an action to run at the end. */
  defer(close: () => PromiseLike<void> | void): void {
    this.#closers.push(close);
  }

  /** Moves everything collected to a new owner, so that leaving this scope closes nothing. */
  move(): DisposeStack {
    const owner = new DisposeStack();
    owner.#closers.push(...this.#closers.splice(0));
    return owner;
  }

  /** Closes everything, also when one closing fails; the first failure is thrown at the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** The synchronous sibling of `DisposeStack`. */
export class DisposeNowStack implements Disposable {
  readonly #closers: (() => void)[] = [];

  use(resource: Disposable): void {
    this.#closers.push(() => resource[Symbol.dispose]());
  }

  defer(close: () => void): void {
    this.#closers.push(close);
  }

  [Symbol.dispose](): void {
    for (const close of this.#closers.splice(0).reverse()) close();
  }
}
