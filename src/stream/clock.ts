import type { Header } from './parser.js';

/** Seconds by which a time may precede the previous one: the clocks of two CPUs differ by less. */
const TOLERANCE = 0.001;

/** One clock for all headers of a recording: appended records get later times. */
export class Clock {
  /** Seconds since 1970 at time 0; null if no header has a clock offset. */
  start: number | null = null;
  /** Whole seconds added to times without a clock offset, because the recording began again. */
  added = 0;
  #latest = Number.NEGATIVE_INFINITY;

  /** Return the shift to add to a time under this header. */
  shift({ clock_offset }: Header): number {
    if (clock_offset === null) {
      return this.added;
    }
    this.start ??= clock_offset;
    return clock_offset - this.start;
  }

  /**
   * Return the shift to add to a time under this header. Call it for the times in the order of the
   * recording.
   *
   * @param onBack called first if the time goes back because the recording began again
   */
  next(header: Header, time: number, onBack: () => void): number {
    if (time + this.shift(header) < this.#latest - TOLERANCE) {
      onBack();
      if (header.clock_offset === null) {
        // Leave a second in between, so that a chart shows the gap.
        this.added += Math.ceil(this.#latest - time - this.added) + 1;
      }
      this.#latest = Number.NEGATIVE_INFINITY;
    }
    const shift = this.shift(header);
    this.#latest = Math.max(this.#latest, time + shift);
    return shift;
  }

  /** Return a time of this clock as a Date; null if the start is not known. */
  date(time: number): Date | null {
    const ms = Math.round(((this.start ?? Number.NaN) + time) * 1000);
    return Math.abs(ms) <= 8.64e15 ? new Date(ms) : null;
  }
}
