/**
 * Cuts stream time into intervals of equal length that begin at whole multiples of that length. It
 * skips an interval in which no line has a time.
 */
export class Intervals {
  /** The latest time. */
  now = 0;
  /** Seconds from the first line of a header to the last, added up over all headers. */
  seconds = 0;
  #start: number | null = null;
  #end = Number.POSITIVE_INFINITY;

  /**
   * @param length of an interval, in seconds
   * @param over called at the end of each interval, with its end and its seconds. The seconds are
   *   null if too few for a rate.
   */
  constructor(
    private readonly length: number,
    private readonly over: (end: number, seconds: number | null) => void,
  ) {}

  /** Take the time of a line, in seconds. */
  reach(time: number): void {
    if (time >= this.#end) {
      this.#close(this.#end);
      this.#end = Number.POSITIVE_INFINITY;
    }
    if (this.#start === null) {
      this.#start = time;
      this.now = time;
    }
    if (this.#end === Number.POSITIVE_INFINITY) {
      this.#end = (Math.floor(time / this.length) + 1) * this.length;
    }
    this.seconds += Math.max(0, time - this.now);
    this.now = Math.max(this.now, time);
  }

  /** End the current interval. */
  finish(): void {
    if (this.#start !== null) {
      this.#close(this.now);
    }
  }

  /** Begin with a new header: its times are unrelated to those before. */
  restart(): void {
    this.finish();
    this.#start = null;
    this.#end = Number.POSITIVE_INFINITY;
  }

  #close(end: number): void {
    const begun = this.#end - this.length;
    const length = end - Math.max(begun, this.#start ?? begun);
    this.over(end, length >= this.length / 10 ? length : null);
  }
}
