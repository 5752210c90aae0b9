import { type Line, type Look, printable } from './text.js';

/** From so many columns on, times are shown to the microsecond. */
const ROOMY = 100;

/** One column of lines that come one by one. */
export interface AlignedColumn<T> {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** What is left out first on a narrow terminal has the highest number; 0 and 1 never are. */
  readonly order: number;
  /** At least, on a terminal of so many columns. */
  readonly width: (columns: number) => number;
  readonly text: (item: T, clock: string) => string;
  readonly look?: (item: T) => Look | undefined;
}

/** When it was: to the second, or to the microsecond where there is room. */
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

/** A word of the item; `-` where it is not known. */
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

/** A number of the item, with its unit if it has one. */
export function numberColumn<T>(
  title: string,
  order: number,
  width: number,
  text: (item: T) => string,
): AlignedColumn<T> {
  return { title, align: 'right', order, width: () => width, text };
}

/** One line per item for a terminal: columns stay below each other, and widen when they must. */
export class AlignedLines<T> {
  readonly #widest = new Map<AlignedColumn<T>, number>();

  constructor(private readonly columns: readonly AlignedColumn<T>[]) {}

  /** @param columns of the terminal */
  header(columns: number): Line {
    const titles = this.#fitting(columns).map(({ column, width }) =>
      aligned(column.title, column, width),
    );
    return [{ text: titles.join(' ').trimEnd(), look: 'dim' }];
  }

  /** @param clock the time of day to the microsecond, or whatever stands for it */
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
