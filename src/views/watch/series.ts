import type { Point } from '../../aggregate/session.js';

/**
 * The highest count in each of `columns` equal parts of the time from `end - span` to `end`, so
 * that a short peak is never lost between two columns. A part without a point carries on from the
 * one before; null where nothing is known: before the first point, and where the module was away.
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

/** One character per value, from nothing to the highest of them; a blank where a value is null. */
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
