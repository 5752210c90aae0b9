import type { TallyGroup } from '../../aggregate/tally.js';
import { Histogram } from '../../sketch/histogram.js';
import { type Frame, framed, type Size } from '../../terminal/frame.js';
import { type Column, column, table } from '../../terminal/table.js';
import { bar, type Line, micros, percent, whole } from '../../terminal/text.js';
import { nameOf } from './top.js';

/** The content of `events --handshake`. */
export interface Handshakes {
  readonly all: TallyGroup;
  /** The listeners, the busiest first. */
  readonly listeners: readonly TallyGroup[];
  readonly lost: number;
}

/** The quantiles shown, by name. */
export const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 } as const;

/** Maximum error of a time, in per cent; the highest and lowest are exact. */
export const ERROR_PERCENT = (Histogram.ERROR * 100).toFixed(1);

/** Steps of a scale within a power of ten, from coarse to fine: the E series of IEC 60063. */
const SCALES: readonly (readonly number[])[] = [
  [10],
  [10, 20, 50],
  [10, 15, 22, 33, 47, 68],
  [10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82],
  [10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91],
];

/** A row of the histogram: the handshakes from `from` up to the next row's, in µs. */
export interface Bin {
  /** Null for the values below the lowest edge. */
  readonly from: number | null;
  readonly count: number;
}

/** Return all groups with at least one handshake, after the group of all. */
export function groupsOf({
  all,
  listeners,
}: Handshakes): readonly (readonly [string, TallyGroup])[] {
  const named = listeners
    .filter(({ handshakes }) => handshakes.count > 0)
    .map((group) => [nameOf(group), group] as const);
  return [['all', all], ...named];
}

/**
 * @param people whether people read it: times have a unit, and digits are grouped; if not, times
 *   are in µs
 */
export function quantileColumns(shown: Handshakes, people: boolean): Column[] {
  const groups = groupsOf(shown);
  const time = (value: number) => (people ? micros(value) : whole(value, false));
  const title = (text: string) => (people ? text.toUpperCase() : text);
  const number = (text: string, cell: (group: TallyGroup) => string) =>
    column(title(text), groups, ([, group]) => cell(group));
  const unit = people ? '' : '_us';
  return [
    column(title('listener'), groups, ([name]) => name, 'left'),
    ...Object.entries(QUANTILES).map(([name, share]) =>
      number(`${name}${unit}`, ({ handshakes }) =>
        handshakes.count === 0 ? '-' : time(handshakes.quantile(share)),
      ),
    ),
    number(`max${unit}`, ({ handshakes }) => (handshakes.count === 0 ? '-' : time(handshakes.max))),
    number('completed', ({ handshakes }) => whole(handshakes.count, people)),
    number('retransmitted', ({ retransmitted }) => whole(retransmitted, people)),
  ];
}

/**
 * Cut a histogram into at most `rows` rows, on the finest scale that fits the middle 98 %. The
 * first and the last row include the values below and above.
 */
export function binsOf(histogram: Histogram, rows: number): Bin[] {
  if (histogram.count === 0 || rows < 1) {
    return [];
  }
  const [low, high] = [histogram.quantile(0.01), histogram.quantile(0.99)];
  const edges =
    SCALES.map((scale) => edgesOn(scale, low, high)).findLast(
      (candidate) => candidate.length + 1 <= rows,
    ) ?? [];
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const { value, count } of histogram.buckets()) {
    // The middle of a bucket can be outside the range of its values.
    const within = Math.min(Math.max(value, histogram.min), histogram.max);
    const above = edges.filter((edge) => edge <= within).length;
    counts[above] = (counts[above] as number) + count;
  }
  const bins = counts.map((count, i) => ({ from: edges[i - 1] ?? null, count }));
  const first = bins.findIndex(({ count }) => count > 0);
  return bins.slice(first, bins.findLastIndex(({ count }) => count > 0) + 1);
}

/**
 * Return the steps of a scale from the last step that is not above `low` to the first above `high`.
 */
function edgesOn(scale: readonly number[], low: number, high: number): number[] {
  const edges: number[] = [];
  for (let power = 0.1; ; power *= 10) {
    for (const step of scale) {
      const edge = Math.round(step * power);
      if (edge > (edges.at(-1) ?? 0)) {
        if (edge <= low) {
          edges.length = 0;
        }
        edges.push(edge);
        if (edge > high) {
          return edges;
        }
      }
    }
  }
}

/** Return a histogram with one bar per row, at most `columns` wide. */
export function barLines(histogram: Histogram, size: Size): string[] {
  const bins = binsOf(histogram, size.rows);
  const most = Math.max(...bins.map(({ count }) => count), 1);
  const labels = bins.map(({ from }, i) =>
    from === null ? `below ${micros(bins[i + 1]?.from ?? histogram.max + 1)}` : micros(from),
  );
  const counts = bins.map(({ count }) => whole(count, true));
  const shares = bins.map(({ count }) => percent(count / histogram.count));
  const width = (cells: readonly string[]) => Math.max(0, ...cells.map(({ length }) => length));
  const [forLabel, forCount, forShare] = [width(labels), width(counts), width(shares)];
  const room = Math.min(60, size.columns - forLabel - forCount - forShare - 6);
  return bins.map(({ count }, i) => {
    const numbers = `${counts[i]?.padStart(forCount)}  ${shares[i]?.padStart(forShare)}`;
    const start = (labels[i] as string).padStart(forLabel);
    const drawn = room < 4 ? '' : `${bar(count / most, room).replaceAll('░', ' ')}  `;
    return `${start}  ${drawn}${numbers}`;
  });
}

/**
 * Draw the screen of `events --handshake` as at most `rows` lines; the caller cuts them.
 *
 * @param chosen index of the group whose histogram is shown, modulo the number of groups
 */
export function drawHandshakes(
  shown: Handshakes,
  chosen: number,
  frame: Frame,
  size: Size,
): Line[] {
  const groups = groupsOf(shown);
  const at = chosen % groups.length;
  const [name, group] = groups[at] as (typeof groups)[number];
  const room = Math.max(2, size.rows - 4);
  const tableRows = Math.min(groups.length, Math.max(1, Math.floor(room / 3)));
  // Choose the rows of the table so that the group of the histogram is among them.
  const from = Math.max(0, Math.min(at - tableRows + 1, groups.length - tableRows));
  const columns = quantileColumns(shown, true).map((one) => ({
    ...one,
    cells: one.cells.slice(from, from + tableRows),
  }));
  const [titles = '', ...rows] = table(columns, size.columns).lines;
  const bars = barLines(group.handshakes, {
    columns: size.columns,
    rows: Math.max(1, room - tableRows),
  });
  const lost = shown.lost > 0 ? `LOST ${whole(shown.lost, true)}   ` : '';
  const heading =
    group.handshakes.count === 0
      ? `${lost}no handshake completed yet`
      : `${lost}${name}, SYN to ACK, within ${ERROR_PERCENT} %`;
  const lines: Line[] = [
    [{ text: titles, look: 'dim' }],
    ...rows.map((row, i): Line => (from + i === at ? [{ text: row, look: 'bold' }] : [row])),
    [{ text: heading, look: shown.lost > 0 ? 'warn' : 'dim' }],
    ...bars.map((line) => [line]),
  ];
  return framed(lines, frame, size);
}
