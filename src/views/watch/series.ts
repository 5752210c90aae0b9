import type { Point } from '../../aggregate/session.js';

/**
 * Return the highest count in each of `columns` equal parts of the time from `end - span` to `end`,
 * so that no short peak is lost. A part without a point repeats the value before. The value is null
 * before the first point, and while the module was not loaded.
 */
export function columnsOf(
  points: readonly Point[],
  span: number,
  end: number,
  columns: number,
): (number | null)[] {
  const start = end - span;
  const result = new Array<number | null>(columns).fill(null);
  let before: { readonly column: number; readonly value: number; readonly epoch: number } | null =
    null;
  for (const point of points) {
    if (point.time > end) {
      break;
    }
    const column =
      point.time < start
        ? -1
        : Math.min(columns - 1, Math.floor(((point.time - start) / span) * columns));
    if (before !== null && before.epoch === point.epoch) {
      result.fill(before.value, before.column + 1, Math.max(column, before.column + 1));
    }
    if (column >= 0) {
      result[column] = Math.max(result[column] ?? point.high, point.high);
    }
    before = { column, value: point.high, epoch: point.epoch };
  }
  return result;
}

const BLOCKS = '▁▂▃▄▅▆▇█';

/** Return one character per value, from 0 to the highest value; a blank for null. */
export function sparkline(values: readonly (number | null)[]): string {
  const top = Math.max(0, ...values.filter((value) => value !== null));
  return values
    .map((value) => {
      if (value === null) {
        return ' ';
      }
      const step = top === 0 ? 0 : Math.round((Math.max(value, 0) / top) * (BLOCKS.length - 1));
      return BLOCKS[step];
    })
    .join('');
}
