/** Shares one reading among all callers that arrive during it, or while it is kept. */
export class Shared<T> {
  #pending: Promise<T> | null = null;
  #kept: { readonly value: T; readonly until: number } | null = null;

  /** @param keep returns the ms for which a reading that took `cost` ms is kept */
  constructor(
    private readonly read: () => Promise<T>,
    private readonly keep: (value: T, cost: number) => number,
  ) {}

  get(): Promise<T> {
    if (this.#kept !== null && performance.now() < this.#kept.until) {
      return Promise.resolve(this.#kept.value);
    }
    this.#pending ??= this.#readOnce().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  async #readOnce(): Promise<T> {
    const before = performance.now();
    const value = await this.read();
    const now = performance.now();
    this.#kept = { value, until: now + this.keep(value, now - before) };
    return value;
  }
}
