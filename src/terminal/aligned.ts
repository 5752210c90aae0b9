import { type Line, type Look, printable } from './text.js';

/** Minimum columns of a terminal for times to the microsecond. */
const ROOMY = 100;

/** One column of lines that are printed one by one. */
export interface AlignedColumn<T> {
  readonly title: string;
  readonly align: 'left' | 'right';
  /**
   * On a narrow terminal, the columns with the highest order are omitted first; 0 and 1 are never
   * omitted.
   */
  readonly order: number;
  /** Returns the minimum width on a terminal with that many columns. */
  readonly width: (columns: number) => number;
  readonly text: (item: T, clock: string) => string;
  readonly look?: (item: T) => Look | undefined;
}

/** Return a column of times: to the microsecond if there is room, else to the second. */
export function timeColumn<T>(order: number): AlignedColumn<T> {
  return {
    title: 'TIME',
    align: 'left',
    order,
    width: (columns) => (columns < ROOMY ? 8 : 15),
    text: (_, clock) => clock,
    look: () => 'dim',
  };
}

/** Return a column of words; `-` means not known. */
export function wordColumn<T>(
  title: string,
  order: number,
  width: number,
  of: (item: T) => string | null,
): AlignedColumn<T> {
  return {
    title,
    align: 'left',
    order,
    width: () => width,
    text: (item) => printable(of(item) ?? '-'),
  };
}

/** Return a column of numbers with their unit, if any. */
export function numberColumn<T>(
  title: string,
  order: number,
  width: number,
  text: (item: T) => string,
): AlignedColumn<T> {
  return { title, align: 'right', order, width: () => width, text };
}

/** Formats one line per item for a terminal: columns are aligned, and widen when necessary. */
export class AlignedLines<T> {
  readonly #widest = new Map<AlignedColumn<T>, number>();

  constructor(private readonly columns: readonly AlignedColumn<T>[]) {}

  /** @param columns width of the terminal */
  header(columns: number): Line {
    const titles = this.#fitting(columns).map(({ column, width }) =>
      aligned(column.title, column, width),
    );
    return [{ text: titles.join(' ').trimEnd(), look: 'dim' }];
  }

  /** @param clock the time of day to the microsecond, or seconds of stream time */
  line(item: T, clock: string, columns: number): Line {
    for (const column of this.columns) {
      const { length } = column.text(item, '');
      if (length > (this.#widest.get(column) ?? 0)) {
        this.#widest.set(column, length);
      }
    }
    return this.#fitting(columns).flatMap(({ column, width }, i) => {
      const text = aligned(column.text(item, clock).slice(0, width), column, width);
      const look = column.look?.(item);
      return [i === 0 ? '' : ' ', look === undefined ? text : { text, look }];
    });
  }

  #fitting(columns: number): { readonly column: AlignedColumn<T>; readonly width: number }[] {
    let used = -1;
    const fitting = new Set(
      [...this.columns]
        .sort((a, b) => a.order - b.order)
        .filter((column) => {
          const width = this.#width(column, columns);
          const fits = column.order < 2 || used + 1 + width <= columns;
          used += fits ? 1 + width : 0;
          return fits;
        }),
    );
    return this.columns
      .filter((column) => fitting.has(column))
      .map((column) => ({ column, width: this.#width(column, columns) }));
  }

  #width(column: AlignedColumn<T>, columns: number): number {
    return Math.max(column.width(columns), this.#widest.get(column) ?? 0);
  }
}

function aligned<T>(text: string, { align }: AlignedColumn<T>, width: number): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
}
