export { printable } from './printable.js';

/** The look of a piece of text. Colour only repeats what the words say. */
export type Look = 'bold' | 'dim' | 'good' | 'bad' | 'warn';

/** A piece of text with one look. Every character counts as one column. */
export type Span = string | { readonly text: string; readonly look: Look };

/** One line of a screen. */
export type Line = readonly Span[];

const CODES: Readonly<Record<Look, string>> = {
  bold: '1',
  dim: '2',
  good: '32',
  bad: '31',
  warn: '33',
};

function textOf(span: Span): string {
  return typeof span === 'string' ? span : span.text;
}

/** Return the width of a line, in columns. */
export function widthOf(line: Line): number {
  return line.reduce((sum, span) => sum + [...textOf(span)].length, 0);
}

/** Return the line as text, cut at `columns`, with SGR codes only if `colour`. */
export function render(line: Line, columns: number, colour: boolean): string {
  let left = columns;
  let out = '';
  for (const span of line) {
    const text = [...textOf(span)].slice(0, left).join('');
    left -= [...text].length;
    out +=
      colour && typeof span !== 'string' && text !== ''
        ? `\u001b[${CODES[span.look]}m${text}\u001b[0m`
        : text;
  }
  return out;
}

/** Put cells in order on as few lines as possible, with a gap between two. */
export function flowed(cells: readonly Line[], gap: string, columns: number): Line[] {
  const lines: Span[][] = [];
  for (const cell of cells) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + gap.length + widthOf(cell) <= columns) {
      last.push(gap, ...cell);
    } else {
      lines.push([...cell]);
    }
  }
  return lines;
}

/** Format a whole number. If `grouped`, put a space after every three digits. */
export function whole(value: number, grouped: boolean): string {
  const digits = String(Math.round(value));
  return grouped ? digits.replace(/\B(?=(\d{3})+$)/g, ' ') : digits;
}

/** Format a rate: whole, but with one decimal below 10, so that small rates are not shown as 0. */
export function rate(value: number, grouped: boolean): string {
  const tenths = Math.round(value * 10) / 10;
  return Math.abs(tenths) < 10 && !Number.isInteger(tenths)
    ? String(tenths)
    : whole(value, grouped);
}

/** Format a share of 1 in per cent: as 0 % or 100 % only if it is exactly that. */
export function percent(share: number): string {
  const rounded = Math.round(share * 100);
  if (rounded === 0 && share > 0) {
    return '<1 %';
  }
  return rounded === 100 && share < 1 ? '>99 %' : `${rounded} %`;
}

/** Format a time in µs, to three digits: 412 µs, 40.2 ms, 1.25 s, 63.1 s. */
export function micros(value: number): string {
  if (value < 999.5) {
    return `${Math.round(value)} µs`;
  }
  const [scaled, unit] = value < 999_500 ? [value / 1e3, 'ms'] : [value / 1e6, 's'];
  return `${scaled < 999.5 ? Number(scaled.toPrecision(3)) : Math.round(scaled)} ${unit}`;
}

/** Format a number of things: 1 connection, 2 connections. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}

/** Format a span of seconds for an axis: 0.16 ms, 90 s, 10 min, 2 h. */
export function seconds(value: number): string {
  if (value > 0 && value < 0.1) {
    return `${Number((value * 1000).toPrecision(2))} ms`;
  }
  if (value < 120) {
    return `${Math.round(value * 10) / 10} s`;
  }
  return value < 7200 ? `${Math.round(value / 6) / 10} min` : `${Math.round(value / 360) / 10} h`;
}

/** Format bytes: 512 B, 1.5 KiB, 20 MiB. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Return a bar of `columns` characters filled to `share` of 1. */
export function bar(share: number, columns: number): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * columns);
  return '█'.repeat(full) + '░'.repeat(columns - full);
}

/**
 * Break text at spaces into lines of at most `columns`, but not between a number and its "%" or
 * "s". A longer word stays whole.
 */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/ (?![%s](?:\W|$))/)) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && [...longer].length <= columns) {
      lines[lines.length - 1] = longer;
    } else {
      lines.push(word);
    }
  }
  return lines;
}
