import type { Sample } from '../../aggregate/connections.js';
import type { Moment } from '../../sketch/downsampled.js';
import type { SrttUnit } from '../../stream/srtt.js';
import type { Size } from '../../terminal/frame.js';
import { plot, timeAxis } from '../../terminal/line-chart.js';
import { type Line, seconds } from '../../terminal/text.js';

/** What stretch of time a chart shows, in seconds. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** What its right edge is. */
  readonly edge: string;
}

/** Below this many columns two charts go below each other. */
const NARROW = 70;
const BETWEEN = 3;
/** Lines of the lowest chart with its name and axis. */
const LOWEST = 5;

/** A figure of a sample in its unit: no more digits than it was measured to. */
export function inUnit(value: number, factor: number): string {
  return Number.isNaN(value) ? '-' : String(Number((value * factor).toPrecision(4)));
}

/** Charts of cwnd and srtt beside each other, or below where there is no room; cwnd alone at worst. */
export function connectionCharts(
  samples: readonly Sample[],
  stretch: Stretch,
  unit: SrttUnit,
  size: Size,
): Line[] {
  const cwnd = (room: Size) =>
    timeChart(samples, { name: 'cwnd (segments)', of: ({ cwnd }) => cwnd }, stretch, room);
  const srtt = (room: Size) =>
    timeChart(
      samples,
      { name: `srtt (${unit.words})`, of: ({ srtt }) => srtt, factor: unit.factor, afloat: true },
      stretch,
      room,
    );
  if (size.columns < NARROW) {
    const half = Math.floor(size.rows / 2);
    return half < LOWEST
      ? cwnd(size)
      : [
          ...cwnd({ columns: size.columns, rows: size.rows - half }),
          ...srtt({ columns: size.columns, rows: half }),
        ];
  }
  const columns = Math.floor((size.columns - BETWEEN) / 2);
  const right = srtt({ columns, rows: size.rows });
  return cwnd({ columns, rows: size.rows }).map((line, i) => {
    const text = line.join('');
    return [text.padEnd(columns + BETWEEN), ...(right[i] ?? [])];
  });
}

/** A figure that is charted over time. */
export interface Figure<T> {
  /** With its unit. */
  readonly name: string;
  /** NaN where a moment does not have it. */
  readonly of: (moment: T) => number;
  /** What the labels are multiplied with; 1 if it is not given. */
  readonly factor?: number;
  /** The chart need not begin at 0. */
  readonly afloat?: boolean;
}

/** A chart under the figure's name and over its time axis. */
export function timeChart<T extends Moment>(
  samples: readonly T[],
  { name, of, factor = 1, afloat = false }: Figure<T>,
  { from, to, edge }: Stretch,
  size: Size,
): Line[] {
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const sample of samples) {
    const value = of(sample);
    if (sample.time >= from && sample.time <= to && !Number.isNaN(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const blank = (line: string): Line[] => [
    [name],
    [line],
    ...new Array<Line>(Math.max(0, size.rows - 2)).fill([]),
  ];
  if (low > high) {
    return blank('nothing measured');
  }
  const span = to > from ? to - from : 1;
  const drawn = plot(
    (room) => {
      const stretch = { from, to: from + span };
      return telling(samples, of, stretch, Math.max(0, room), (high - low) / 10);
    },
    { low, high, afloat },
    { width: size.columns, height: size.rows - 2 },
    (value) => inUnit(value, factor),
  );
  if (drawn === null) {
    return blank('');
  }
  const axis = timeAxis(drawn.offset, size.columns, seconds(span), seconds(span / 2), edge);
  return [[name], ...drawn.lines.map((line) => [line]), [axis.trimEnd()]];
}

/** What the samples in one part of the time say. */
interface Part {
  low: number;
  high: number;
  last: number;
  epoch: number;
}

/**
 * One value for each of so many equal parts of the time: the last in a part, but if another is
 * more than `slack` away from it, the one furthest from what stands before, so that neither a peak
 * nor a dip is lost. A part without a sample carries on; null before the first and where the
 * recording began anew.
 */
export function telling<T extends Moment>(
  samples: readonly T[],
  of: (sample: T) => number,
  { from, to }: { readonly from: number; readonly to: number },
  columns: number,
  slack: number,
): (number | null)[] {
  const parts = new Array<Part | undefined>(columns);
  let before: Part | undefined;
  for (const sample of samples) {
    const value = of(sample);
    if (Number.isNaN(value) || sample.time > to) {
      continue;
    }
    const at = Math.floor(((sample.time - from) / (to - from)) * columns);
    const { epoch } = sample;
    const part = parts[Math.min(at, columns - 1)];
    if (at < 0) {
      before = { low: value, high: value, last: value, epoch };
    } else if (part === undefined) {
      parts[Math.min(at, columns - 1)] = { low: value, high: value, last: value, epoch };
    } else {
      part.low = Math.min(part.low, value);
      part.high = Math.max(part.high, value);
      part.last = value;
      part.epoch = epoch;
    }
  }
  let shown: number | null = null;
  return Array.from(parts, (part, i) => {
    if (part !== undefined) {
      shown = tellingOf(part, shown ?? before?.last ?? part.low, slack);
      before = part;
      return shown;
    }
    const next = parts.find((other, j) => j > i && other !== undefined);
    shown = before?.last ?? null;
    return next === undefined || next.epoch === before?.epoch ? shown : null;
  });
}

function tellingOf({ low, high, last }: Part, before: number, slack: number): number {
  if (high - last <= slack && last - low <= slack) {
    return last;
  }
  return Math.abs(high - before) >= Math.abs(low - before) ? high : low;
}
