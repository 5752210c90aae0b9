import type { Moment } from '../sketch/downsampled.js';
import { MOST_GAPS } from './findings.js';
import type { Series, TimeChart } from './page/data.js';

/** A figure drawn as one line of a chart. */
export interface SeriesLine<T> {
  readonly label: string;
  /** The name of a custom property of the style. */
  readonly colour: string;
  readonly dashed?: boolean;
  /** Return the value of a moment; NaN or undefined if it has none. */
  of(moment: T): number | undefined;
}

type Frame = Omit<TimeChart, 'steps' | 'series'>;

/** Limit of times, in seconds: later ones are invalid, and cannot be drawn with others. */
export const HORIZON = 1e12;

/** A point of a chart; a null moment breaks the lines. */
interface Point<T> {
  readonly time: number;
  readonly moment: T | null;
}

/**
 * Return lines over time, broken between epochs.
 *
 * @param since returns the time from which the first value after a gap holds; by default its own
 *   time
 * @param stretch the range of the chart, in seconds; by default that of the items
 */
export function timeChart<T extends Moment>(
  frame: Frame,
  items: readonly T[],
  lines: readonly SeriesLine<T>[],
  since: (item: T) => number = ({ time }) => time,
  stretch: readonly number[] = [],
): TimeChart {
  const moments = items.filter(({ time }) => isDrawable(time)).sort((a, b) => a.time - b.time);
  const points = pointsOf(moments, since, stretch.every(isDrawable) ? stretch : []);
  return { ...frame, steps: stepsOf(points), series: lines.map((line) => seriesOf(points, line)) };
}

function isDrawable(time: number): boolean {
  return Math.abs(time) < HORIZON;
}

function pointsOf<T extends Moment>(
  moments: readonly T[],
  since: (item: T) => number,
  [from, to]: readonly number[],
): Point<T>[] {
  const gaps = moments.filter((one, i) => one.epoch !== moments[Math.max(0, i - 1)]?.epoch).length;
  const points: Point<T>[] = from === undefined ? [] : [{ time: from, moment: null }];
  let before: T | null = null;
  for (const moment of moments) {
    const begins = before === null || (before.epoch !== moment.epoch && gaps <= MOST_GAPS);
    if (begins) {
      const start = Math.max(since(moment), points.at(-1)?.time ?? Number.NEGATIVE_INFINITY);
      if (before !== null) {
        points.push({ time: before.time, moment: null });
      }
      if (start < moment.time) {
        points.push({ time: start, moment });
      }
    }
    points.push({ time: moment.time, moment });
    before = moment;
  }
  return to === undefined ? points : [...points, { time: to, moment: null }];
}

function stepsOf(points: readonly Point<unknown>[]): number[] {
  let before = 0;
  return points.map(({ time }) => {
    const at = Math.round(time * 1e6);
    const step = at - before;
    before = at;
    return step;
  });
}

function seriesOf<T>(points: readonly Point<T>[], line: SeriesLine<T>): Series {
  const { of, ...looks } = line;
  return {
    ...looks,
    values: points.map(({ moment }) => rounded(moment === null ? undefined : of(moment))),
  };
}

/** Round to a thousandth: whole numbers do not change, and ms have the precision of µs. */
function rounded(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : Math.round(value * 1e3) / 1e3;
}
