const BILLION = 1_000_000_000;

/** Converts stream times to seconds since 1970, to the nanosecond, which a double cannot hold. */
export class CaptureClock {
  readonly #seconds: number;
  readonly #nanoseconds: number;

  /** @param offset the header's clock_offset; null leaves the times as they are */
  constructor(offset: number | null) {
    const zero = offset ?? 0;
    this.#seconds = Math.floor(zero);
    this.#nanoseconds = Math.round((zero - this.#seconds) * BILLION);
  }

  /** Return a time in seconds as `seconds.nanoseconds`. */
  text(time: number): string {
    let seconds = Math.floor(time);
    let nanoseconds = Math.round((time - seconds) * BILLION) + this.#nanoseconds;
    seconds += this.#seconds + Math.floor(nanoseconds / BILLION);
    nanoseconds %= BILLION;
    return `${seconds}.${String(BILLION + nanoseconds).slice(1)}`;
  }
}
