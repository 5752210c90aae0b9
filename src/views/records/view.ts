import type { Header, Loss } from '../../stream/parser.js';
import { clock } from '../watch/view.js';

/** The source of records, for the views. */
export interface RecordSource {
  /** The header in force; null before the first. */
  header: Header | null;
  /**
   * The source in words, the most important part first: the module or a file, the kernel, the
   * namespace.
   */
  readonly from: readonly string[];
  /** Whether records are current, and not from a capture that is read as fast as possible. */
  readonly live: boolean;
}

/** Return the source for the title of a screen, the most important part first. */
export function titleOf({ from, header }: Pick<RecordSource, 'from' | 'header'>): string[] {
  const netns = header?.netns == null ? '' : `netns ${header.netns}`;
  return [...from, header?.kernel ?? '', netns].filter((part) => part !== '');
}

/** Return the clock of a screen: the time of day; '' for a recording. */
export function clockOf({ live }: RecordSource): string {
  return live ? clock(Date.now() / 1000) : '';
}

/** A way to show records of one kind. The next `flush` shows its input in order. */
export interface RecordView<R> {
  /** Whether to wait for the next `flush` before more input. */
  readonly isFull?: boolean;
  record?(record: R): void;
  /** Show that records were lost between the previous and the next one. */
  loss(loss: Loss): void;
  /**
   * Show a message on stderr.
   *
   * @param about subject: of several delayed messages about it, only the last is shown
   */
  note(text: string, about?: string): void;
  flush(): Promise<void>;
  /** Called after the last record, even if the input was not read to its end. */
  finish?(): Promise<void>;
  /** Called after `finish` if the input was read to its end. */
  ended?(): Promise<void>;
  close?(): Promise<void>;
}

/** Formats times of day and dates without making a Date for every record. */
export class RecordClock {
  #second = Number.NaN;
  #stamp = '';
  #time = '';

  /** Return RFC 3339 in UTC to the microsecond, or null if the clock is not known. */
  stamp(header: Header | null, time: number): string | null {
    const micros = this.#split(header, time);
    return micros === null ? null : `${this.#stamp}.${micros}Z`;
  }

  /** Return the local time of day to the microsecond, or seconds of stream time. */
  time(header: Header | null, time: number): string {
    const micros = this.#split(header, time);
    return micros === null ? time.toFixed(6) : `${this.#time}.${micros}`;
  }

  /** Set the second and return the microseconds after it; null if the clock is not known. */
  #split(header: Header | null, time: number): string | null {
    const offset = header?.clock_offset ?? null;
    const micros = Math.round(((offset ?? 0) + time) * 1e6);
    // Later times do not fit into a Date.
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
