import { Places } from '../stream/columns.js';
import type { Count, Loss } from '../stream/parser.js';
import type { StreamReader } from '../stream/reader.js';
import type { Row } from '../stream/row.js';
import { printable } from '../terminal/printable.js';
import { onText, type Writer } from './converted.js';
import type { CaptureClock } from './time.js';

/** Writes RFC 4180, but with a newline as line end, as everywhere here. */
export class Csv implements Writer {
  readonly eachEpoch = false;
  #columns: string[] = [];
  readonly #places = new Map<string, Places>();

  constructor(private readonly letters: string) {}

  header(reader: StreamReader): string {
    const names = [...this.letters].flatMap((letter) => reader.columns(letter));
    this.#columns = [...new Set(names)].filter((name) => name !== 'time');
    for (const letter of this.letters) {
      this.#places.set(letter, new Places(this.#columns));
    }
    return `${['kind', 'time', ...this.#columns, 'records_lost'].map(quoted).join(',')}\n`;
  }

  row(row: Row, clock: CaptureClock): string {
    const texts = row.texts();
    let out = `${row.kind},${clock.text(row.time)}`;
    for (const at of this.#places.get(row.kind)?.of(row.columns) ?? []) {
      out += `,${onText(texts[at] ?? '', quoted)}`;
    }
    return `${out},\n`;
  }

  count({ time, figures }: Count, clock: CaptureClock): string {
    const known = new Map<string, number>(Object.entries(figures));
    const values = this.#columns.map((name) => known.get(name) ?? '');
    return `C,${clock.text(time)},${values.join(',')},\n`;
  }

  loss({ time, lost }: Loss, clock: CaptureClock): string {
    return `L,${clock.text(time)},${','.repeat(this.#columns.length)}${lost}\n`;
  }
}

function quoted(text: string): string {
  const field = printable(text);
  return field.includes(',') || field.includes('"') ? `"${field.replaceAll('"', '""')}"` : field;
}
