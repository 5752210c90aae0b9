import { whole } from './text.js';

/** One column of a table. */
export interface Column<Cell = string> {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly cells: readonly Cell[];
  /** Whether the column only repeats facts shown elsewhere. If so, it is omitted without a note. */
  readonly extra?: boolean;
}

/** Return a column with a cell for each row: numbers, or left-aligned words. */
export function column<Row, Cell = string>(
  title: string,
  rows: readonly Row[],
  of: (row: Row) => Cell,
  align: Column['align'] = 'right',
): Column<Cell> {
  return { title, align, cells: rows.map(of) };
}

const GAP = '  ';

/**
 * Align a table under its titles. Columns come in order of importance: omit the last ones that do
 * not fit into `width`, and return their titles.
 */
export function table(
  columns: readonly Column[],
  width = Number.POSITIVE_INFINITY,
): { readonly lines: string[]; readonly leftOut: string[] } {
  const widths = columns.map(({ title, cells }) => longest([title, ...cells]));
  let used = -GAP.length;
  const fitting = widths.findIndex((own) => {
    used += GAP.length + own;
    return used > width;
  });
  const shown = fitting < 0 ? columns : columns.slice(0, Math.max(1, fitting));
  const row = (cellOf: (one: Column) => string) =>
    shown
      .map((one, i) => {
        const cell = cellOf(one);
        const fill = ' '.repeat((widths[i] as number) - [...cell].length);
        return one.align === 'left' ? cell + fill : fill + cell;
      })
      .join(GAP)
      .trimEnd();
  const count = columns[0]?.cells.length ?? 0;
  return {
    lines: [
      row(({ title }) => title),
      ...Array.from({ length: count }, (_, i) => row(({ cells }) => cells[i] ?? '')),
    ],
    leftOut: columns
      .slice(shown.length)
      .filter(({ extra }) => !extra)
      .map(({ title }) => title),
  };
}

/**
 * Return the length of the longest text. Math.max() could not take all of them: a call takes at
 * most some 100,000 arguments.
 */
function longest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, [...text].length), 0);
}

/** Return each pair of numbers around a slash, with all slashes aligned. */
export function pairs(rows: readonly (readonly [number, number])[]): string[] {
  const cells = rows.map(([a, b]) => [whole(a, true), whole(b, true)] as const);
  const left = longest(cells.map(([a]) => a));
  const right = longest(cells.map(([, b]) => b));
  return cells.map(([a, b]) => `${a.padStart(left)} / ${b.padEnd(right)}`);
}
