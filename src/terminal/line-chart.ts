import * as asciichart from 'asciichart';

/** Steps between two labels that people read easily, times a power of ten. */
const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** Return the smallest of these whole steps at which `rows` rows reach from `low` to `high`. */
export function stepFor(low: number, high: number, rows: number): number {
  for (let power = 1; ; power *= 10) {
    for (const factor of STEPS) {
      const step = Math.round(factor * power * 10) / 10;
      if (Number.isInteger(step) && Math.ceil(high / step) - Math.floor(low / step) <= rows) {
        return step;
      }
    }
  }
}

/**
 * Draw a line chart with labelled axis, in `height` lines of at most `width`. The axis starts at 0
 * (lower only for negative values) unless `afloat`, and its labels are whole numbers. A null value
 * leaves a gap.
 *
 * asciichart cannot draw an empty series or NaN, and without a height it draws a row per unit:
 * avoid these calls.
 *
 * @param columns called with the room beside the labels; returns as many values as fit
 * @returns null if there is not enough room
 */
export function plot(
  columns: (room: number) => readonly (number | null)[],
  range: { readonly low: number; readonly high: number; readonly afloat?: boolean },
  size: { readonly width: number; readonly height: number },
  label: (value: number) => string,
): { readonly lines: string[]; readonly offset: number } | null {
  const rows = size.height - 1;
  if (rows < 1) {
    return null;
  }
  const low = range.afloat ? range.low : Math.min(0, range.low);
  const step = stepFor(low, Math.max(low + 1, range.high), rows);
  const bottom = Math.floor(low / step) * step;
  const top = bottom + rows * step;
  // Check all labels: between 43 and 44 there may be a longer 43.25.
  const labelWidth = Math.max(
    ...Array.from({ length: rows + 1 }, (_, i) => label(Math.round(bottom + i * step)).length),
  );
  const offset = labelWidth + 2;
  const values = columns(size.width - offset);
  if (size.width - offset < 2 || values.length === 0) {
    return null;
  }
  // Draw a gap as a level line, and then blank it. Otherwise the line would seem to fall into the
  // gap.
  let level = values.find((value) => value !== null) ?? 0;
  const filled = values.map((value) => {
    level = value ?? level;
    return level;
  });
  // Add a point: asciichart draws only the steps between points.
  const drawn = asciichart.plot([...filled, filled.at(-1) as number], {
    min: bottom,
    max: top,
    height: rows,
    offset: 2,
    format: (value) => `${label(Math.round(value)).padStart(labelWidth)} `,
  });
  const lines = drawn.split('\n').map((line, i) => {
    const axis = i === rows ? '┼' : '┤';
    const marks = [...line.slice(offset)].map((mark, x) => (values[x] === null ? ' ' : mark));
    return `${line.slice(0, labelWidth + 1)}${axis}${marks.join('')}`.trimEnd();
  });
  return { lines, offset };
}

/** Return the time axis under a chart: its start, its middle if there is room, and its end. */
export function timeAxis(
  offset: number,
  width: number,
  span: string,
  half: string,
  end: string,
): string {
  const room = width - offset;
  const axis = new Array<string>(room).fill(' ');
  const put = (text: string, at: number) => axis.splice(at, text.length, ...text);
  put(`-${span}`, 0);
  if (room >= span.length + half.length + end.length + 8) {
    put(`-${half}`, Math.floor(room / 2));
  }
  if (room > span.length + end.length + 2) {
    put(end, room - end.length);
  }
  return ' '.repeat(offset) + axis.slice(0, room).join('');
}
