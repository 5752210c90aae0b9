/**
 * Cuts stream time into intervals of equal length that begin at its whole multiples. Intervals in
 * which no line had a time are skipped.
 */
export class Intervals {
  /** The latest time. */
  now = 0;
  /** Seconds that all headers' lines span together. */
  seconds = 0;
  #start: number | null = null;
  #end = Number.POSITIVE_INFINITY;

  /**
   * @param length of an interval, in seconds
   * @param over is told when an interval ends, and how many seconds of it there were: null if so
   * few that nothing can be said per second
   */
  constructor(
    private readonly length: number,
    private readonly over: (end: number, seconds: number | null) => void,
  ) {}

  /** There is a line of this time, in seconds. */
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

  /** Ends the interval under way. */
  finish(): void {
    if (this.#start !== null) {
      this.#close(this.now);
    }
  }

  /** A new header: its times have nothing to do with those before. */
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
