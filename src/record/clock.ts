import type { Header } from './stream.js';

/** One clock for all the headers of a recording: what was appended later comes later. */
export class Clock {
  /** Seconds since 1970 at which it was 0; null where no header says so. */
  start: number | null = null;

  /** What to add to a time under this header. */
  shift({ clock_offset }: Header): number {
    if (clock_offset === null) {
      return 0;
    }
    this.start ??= clock_offset;
    return clock_offset - this.start;
  }

  /** A time of this clock in ms since 1970; null where that is not known. */
  date(time: number): Date | null {
    const ms = Math.round(((this.start ?? Number.NaN) + time) * 1000);
    return Math.abs(ms) <= 8.64e15 ? new Date(ms) : null;
  }
}
