import type { Loss } from '../../stream/parser.js';
import type { AlignedLines } from '../../terminal/aligned.js';
import type { Host } from '../../terminal/host.js';
import { jsonText, printable } from '../../terminal/printable.js';
import { type Line, render } from '../../terminal/text.js';
import { Pending } from '../ordered-output.js';
import { RecordClock, type RecordSource, type RecordView } from './view.js';

/** The form of records of one kind, one by one. */
export interface Form<R> {
  /** Column names for output other than a terminal, separated by spaces; new ones are appended. */
  readonly columns: string;
  /** Return the values of these columns. */
  words(record: R, time: string): string;
  /** The columns and values for a terminal. */
  readonly aligned: AlignedLines<R>;
  /** Return lines below the record's own. */
  below?(record: R): readonly string[];
  /** @param stamp the record's time as RFC 3339; null if the clock is not known */
  object(record: R, stamp: string | null): object;
}

/** A record with a time. */
export interface Timed {
  /** Seconds since the tap was opened. */
  readonly time: number;
}

/** Common parts of records as text and as JSON. */
abstract class OneByOne<R extends Timed> extends Pending implements RecordView<R> {
  protected readonly clock = new RecordClock();

  constructor(
    host: Host,
    protected readonly reading: RecordSource,
    protected readonly form: Form<R>,
  ) {
    super(host);
  }

  abstract record(record: R): void;
}

/** Prints one line per record: aligned on a terminal, elsewhere words separated by one space. */
export class RecordLines<R extends Timed> extends OneByOne<R> {
  #started = false;

  override record(record: R): void {
    const { tty, columns } = this.host.out;
    const { header } = this.reading;
    const { form, clock } = this;
    if (!this.#started) {
      this.#started = true;
      this.line(tty ? this.#render(form.aligned.header(columns)) : form.columns);
    }
    if (tty) {
      const time = clock.time(header, record.time);
      this.line(this.#render(form.aligned.line(record, time, columns)));
    } else {
      const time = clock.stamp(header, record.time) ?? record.time.toFixed(9);
      this.line(printable(form.words(record, time)));
    }
    for (const text of form.below?.(record) ?? []) {
      this.line(tty ? this.#render([text]) : text);
    }
  }

  #render(line: Line): string {
    const { columns, colour } = this.host.out;
    return render(line, columns, colour).trimEnd();
  }
}

/** Prints one object per record, and one for each loss, in order. */
export class RecordJson<R extends Timed> extends OneByOne<R> {
  override record(record: R): void {
    const stamp = this.clock.stamp(this.reading.header, record.time);
    this.line(jsonText(this.form.object(record, stamp)));
  }

  override loss(loss: Loss): void {
    this.line(jsonText(lossObject(loss)));
    super.loss(loss);
  }
}

export function lossObject({ time, kind: _, ...loss }: Loss): object {
  return { event: 'loss', stream_time: time, ...loss };
}
