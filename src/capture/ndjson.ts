import type { Columns } from '../stream/columns.js';
import type { Count, Loss } from '../stream/parser.js';
import type { StreamReader } from '../stream/reader.js';
import type { Row } from '../stream/row.js';
import { TEXT_COLUMNS } from '../stream/schema.js';
import { jsonLine, jsonText } from '../terminal/printable.js';
import { onText, type Writer } from './converted.js';
import type { CaptureClock } from './time.js';

const TEXT: ReadonlySet<string> = new Set(TEXT_COLUMNS);

/** Writes one object per line; the first describes the stream. */
export class Ndjson implements Writer {
  readonly eachEpoch = true;
  /** The text before each value of a row (`,"name":`), by the columns of the row's kind. */
  readonly #keys = new WeakMap<Columns, readonly string[]>();

  header({ header }: StreamReader): string {
    return jsonLine({ kind: '#', ...header });
  }

  row(row: Row, clock: CaptureClock): string {
    const { columns } = row;
    let keys = this.#keys.get(columns);
    if (keys === undefined) {
      keys = columns.names.map((name) => `,${jsonText(name)}:`);
      this.#keys.set(columns, keys);
    }
    let out = `{"kind":"${row.kind}","time":${clock.text(row.time)}`;
    for (const [i, text] of row.texts().entries()) {
      const name = columns.names[i] as string;
      if (name !== 'time' && name !== 'kind') {
        out += keys[i] + value(name, text);
      }
    }
    return `${out}}\n`;
  }

  count({ time, figures }: Count, clock: CaptureClock): string {
    return `{"kind":"C","time":${clock.text(time)},${jsonText(figures).slice(1)}\n`;
  }

  loss({ time, kind: _, ...loss }: Loss, clock: CaptureClock): string {
    return `{"kind":"L","time":${clock.text(time)},${jsonText(loss).slice(1)}\n`;
  }
}

/** Return a value as JSON: digits unchanged, however many; null if missing. */
function value(name: string, text: string): string {
  if (text === '') {
    return 'null';
  }
  return !TEXT.has(name) && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? text : onText(text, jsonText);
}
