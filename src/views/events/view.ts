import type { HalfOpen } from '../../record/halfopen.js';
import type { Header, Loss } from '../../record/stream.js';

/** What is read, for the views. */
export interface Reading {
  /** The header in force; null before the first. */
  header: Header | null;
  /** What is read, in order of weight: the module or a file, the kernel, the namespace. */
  readonly from: readonly string[];
  /** Events are of now, not of a capture that is read as fast as it can be. */
  readonly live: boolean;
}

/** One way to show events. What `event` and `loss` tell is shown, in order, by the next `flush`. */
export interface EventView {
  event(event: HalfOpen): void;
  /** Records were lost between the event before and the one after. */
  loss(loss: Loss): void;
  /** Something the person should know, for stderr. */
  note(text: string): void;
  flush(): Promise<void>;
  /** The input has come to its end; it was not cut off. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

/** Cuts times of day and dates without making one for every event. */
export class Clock {
  #second = Number.NaN;
  #stamp = '';
  #time = '';

  /** RFC 3339 in UTC to the microsecond, or null where the clock is not known. */
  stamp(header: Header | null, time: number): string | null {
    const micros = this.#split(header, time);
    return micros === null ? null : `${this.#stamp}.${micros}Z`;
  }

  /** The time of day here to the microsecond, or seconds of stream time. */
  time(header: Header | null, time: number): string {
    const micros = this.#split(header, time);
    return micros === null ? time.toFixed(6) : `${this.#time}.${micros}`;
  }

  /** Sets the second and returns the microseconds after it. */
  #split(header: Header | null, time: number): string | null {
    const offset = header?.clock_offset ?? null;
    const micros = Math.round(((offset ?? 0) + time) * 1e6);
    // As far as a Date goes.
    if (offset === null || micros > 8.64e21) {
      return null;
    }
    const second = Math.floor(micros / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      const date = new Date(second * 1000);
      this.#stamp = date.toISOString().slice(0, -5);
      this.#time = date.toTimeString().slice(0, 8);
    }
    return String(micros - second * 1e6).padStart(6, '0');
  }
}
