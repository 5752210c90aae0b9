import type { Sample } from '../../aggregate/connections.js';
import type { Moment } from '../../sketch/downsampled.js';
import type { SrttUnit } from '../../stream/srtt.js';
import type { Size } from '../../terminal/frame.js';
import { plot, timeAxis } from '../../terminal/line-chart.js';
import { type Line, seconds } from '../../terminal/text.js';

/** The period of a chart, in seconds. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** The label of its right edge. */
  readonly edge: string;
}

/** Below this many columns, one chart is below the other. */
const NARROW = 70;
const BETWEEN = 3;
/** Minimum lines of a chart with its name and axis. */
const LOWEST = 5;

/** Format a figure of a sample in its unit, to four significant digits. */
export function inUnit(value: number, factor: number): string {
  return Number.isNaN(value) ? '-' : String(Number((value * factor).toPrecision(4)));
}

/**
 * Draw cwnd and srtt side by side. If narrow, draw one below the other; if also low, draw cwnd
 * alone.
 */
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

/** A figure to draw over time. */
export interface Figure<T> {
  /** The name with its unit. */
  readonly name: string;
  /** Returns the value; NaN if there is none. */
  readonly of: (moment: T) => number;
  /** Factor of the labels; 1 if absent. */
  readonly factor?: number;
  /** Whether the chart may begin above 0. */
  readonly afloat?: boolean;
}

/** Draw a chart below the figure's name and above its time axis. */
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

/** The samples in one part of the time. */
interface Part {
  low: number;
  high: number;
  last: number;
  epoch: number;
}

/**
 * Return a value for each of `columns` equal parts of the time: usually the last value in the part.
 * If another value in the part differs from it by more than `slack`, use the one furthest from the
 * value of the part before. So no peak or dip is lost. A part without a sample repeats the value
 * before. The value is null before the first sample, and between two epochs.
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
