import type { Columns } from './columns.js';
import { MAX_FRACTION, MAX_SECONDS } from './number.js';
import { MAX_LINE } from './parser.js';
import type { ROW_KINDS } from './schema.js';

const [ZERO, NINE, POINT, MINUS, LOWER_X] = [0x30, 0x39, 0x2e, 0x2d, 0x78];
const POWERS = Array.from({ length: MAX_FRACTION + 1 }, (_, i) => 10 ** i);

/** Kinds whose lines are rows. */
export type RowKind = (typeof ROW_KINDS)[number];

/**
 * One record, whose fields are located but not yet converted. The reader uses one Row for all
 * lines: the Row and its values are valid only until the function that got it returns.
 */
export class Row {
  /** The kind's letter; `S` for a line of tcp_probe, which has no letter. */
  kind: RowKind = 'S';
  /** Whether the line is tcp_probe's, whose srtt is in jiffies before Linux 3.15. */
  tcpProbe = false;
  /** Line number in the input, counted from 1. */
  line = 0;
  /** Seconds since the tap was opened. */
  time = Number.NaN;
  columns!: Columns;
  bytes: Buffer = Buffer.alloc(0);
  /**
   * Positions of the line's separators in `bytes`. Field N is between separators N and N + 1; the
   * kind is field 0 if the line has one. Separator 0 is the end of the previous line.
   */
  readonly cuts = new Int32Array(MAX_LINE + 2);
  /** Number of fields on the line. */
  found = 0;

  /** Return the number of fields without the kind. */
  get width(): number {
    return this.found - (this.tcpProbe ? 0 : 1);
  }

  #slot(column: number): number {
    const slot = this.tcpProbe ? column : column + 1;
    return column < 0 || slot >= this.found ? -1 : slot;
  }

  /** Return a field as text, by its index in `columns`; '' if absent. */
  text(column: number): string {
    const slot = this.#slot(column);
    return slot < 0
      ? ''
      : this.bytes.toString('latin1', (this.cuts[slot] as number) + 1, this.cuts[slot + 1]);
  }

  /** Return a field as text; null if it is absent, or `-`, which means not known. */
  word(column: number): string | null {
    const text = this.text(column);
    return text === '' || text === '-' ? null : text;
  }

  /** Return every column as text, in order: cheaper than `text` for each. */
  texts(): string[] {
    const { cuts, found } = this;
    const base = (cuts[0] as number) + 1;
    const line = this.bytes.toString('latin1', base, cuts[found]);
    const out: string[] = [];
    const first = this.tcpProbe ? 0 : 1;
    for (let slot = first; slot < first + this.columns.names.length; slot++) {
      out.push(
        slot < found
          ? line.slice((cuts[slot] as number) + 1 - base, (cuts[slot + 1] as number) - base)
          : '',
      );
    }
    return out;
  }

  /** Return a whole number below 2^53, decimal or 0x hexadecimal; NaN for any other field. */
  number(column: number): number {
    const slot = this.#slot(column);
    if (slot < 0) {
      return Number.NaN;
    }
    const { bytes } = this;
    let at = (this.cuts[slot] as number) + 1;
    const end = this.cuts[slot + 1] as number;
    const negative = bytes[at] === MINUS;
    if (negative) {
      at += 1;
    }
    if (bytes[at] === ZERO && bytes[at + 1] === LOWER_X) {
      return negative ? Number.NaN : hexadecimal(bytes, at + 2, end);
    }
    let value = at < end ? 0 : Number.NaN;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) {
        return Number.NaN;
      }
      value = value * 10 + digit;
    }
    return value > Number.MAX_SAFE_INTEGER ? Number.NaN : negative ? -value : value;
  }

  /** Return `seconds.nanoseconds` as seconds, like parseSeconds; NaN for any other field. */
  seconds(column: number): number {
    const slot = this.#slot(column);
    if (slot < 0) {
      return Number.NaN;
    }
    const { bytes } = this;
    const end = this.cuts[slot + 1] as number;
    const start = (this.cuts[slot] as number) + 1;
    let at = start;
    let digit = (bytes[at] as number) - ZERO;
    let value = 0;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      at += 1;
      digit = (bytes[at] as number) - ZERO;
    }
    // The loop ends at a separator at the latest, since one follows each field.
    if (at === end && at > start) {
      return value > MAX_SECONDS ? Number.NaN : value;
    }
    const point = at;
    let fraction = 0;
    for (at += 1; at < end; at++) {
      digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) {
        return Number.NaN;
      }
      fraction = fraction * 10 + digit;
    }
    if (bytes[point] !== POINT || point === start || point >= end - 1 || value > MAX_SECONDS) {
      return Number.NaN;
    }
    return value + fraction / (POWERS[end - point - 1] ?? Number.NaN);
  }
}

function hexadecimal(bytes: Buffer, start: number, end: number): number {
  let value = start < end ? 0 : Number.NaN;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    const isDigit = byte <= NINE;
    const digit = isDigit ? byte - ZERO : (byte | 0x20) - 0x57;
    if (digit < (isDigit ? 0 : 10) || digit > 15) {
      return Number.NaN;
    }
    value = value * 16 + digit;
  }
  return value > Number.MAX_SAFE_INTEGER ? Number.NaN : value;
}
