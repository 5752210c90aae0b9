import type { Header, Loss } from '../../stream/parser.js';
import { clock } from '../watch/view.js';

/** What is read, for the views. */
export interface RecordSource {
  /** The header in force; null before the first. */
  header: Header | null;
  /** What is read, in order of weight: the module or a file, the kernel, the namespace. */
  readonly from: readonly string[];
  /** Records are of now, not of a capture that is read as fast as it can be. */
  readonly live: boolean;
}

/** What is read as the title of a screen has it, in order of weight. */
export function titleOf({ from, header }: Pick<RecordSource, 'from' | 'header'>): string[] {
  const netns = header?.netns == null ? '' : `netns ${header.netns}`;
  return [...from, header?.kernel ?? '', netns].filter((part) => part !== '');
}

/** The clock of a screen: the time of day; '' for a recording. */
export function clockOf({ live }: RecordSource): string {
  return live ? clock(Date.now() / 1000) : '';
}

/** One way to show records of one kind. What it is told is shown, in order, by the next `flush`. */
export interface RecordView<R> {
  /** No more should be shown before the next `flush`. */
  readonly isFull?: boolean;
  record?(record: R): void;
  /** Records were lost between the one before and the one after. */
  loss(loss: Loss): void;
  /**
   * Something the person should know, for stderr.
   *
   * @param about where it can be said only later, of several about one thing the last is
   */
  note(text: string, about?: string): void;
  flush(): Promise<void>;
  /** All has been told that will be, whether the input ended or was cut off. */
  finish?(): Promise<void>;
  /** The input has come to its end; it was not cut off. */
  ended?(): Promise<void>;
  close?(): Promise<void>;
}

/** Cuts times of day and dates without making one for every record. */
export class RecordClock {
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
