import type { Header } from './parser.js';

/** Seconds by which a time may be older than one before it: those of two CPUs differ that little. */
const TOLERANCE = 0.001;

/** One clock for all the headers of a recording: what was appended later comes later. */
export class Clock {
  /** Seconds since 1970 at which it was 0; null where no header says so. */
  start: number | null = null;
  /** Whole seconds that are added to times without a clock offset, because they began again. */
  added = 0;
  #latest = Number.NEGATIVE_INFINITY;

  /** What to add to a time under this header. */
  shift({ clock_offset }: Header): number {
    if (clock_offset === null) {
      return this.added;
    }
    this.start ??= clock_offset;
    return clock_offset - this.start;
  }

  /**
   * Return what to add to a time under this header, in the order of the recording.
   *
   * @param onBack is called first if the time goes back: a recording that began again
   */
  next(header: Header, time: number, onBack: () => void): number {
    if (time + this.shift(header) < this.#latest - TOLERANCE) {
      onBack();
      if (header.clock_offset === null) {
        // With a second between, so that a chart shows the gap.
        this.added += Math.ceil(this.#latest - time - this.added) + 1;
      }
      this.#latest = Number.NEGATIVE_INFINITY;
    }
    const shift = this.shift(header);
    this.#latest = Math.max(this.#latest, time + shift);
    return shift;
  }

  /** A time of this clock in ms since 1970; null where that is not known. */
  date(time: number): Date | null {
    const ms = Math.round(((this.start ?? Number.NaN) + time) * 1000);
    return Math.abs(ms) <= 8.64e15 ? new Date(ms) : null;
  }
}
