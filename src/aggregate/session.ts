import {
  COUNTER_NAMES,
  type CounterName,
  type Counters,
  difference,
  growthOf,
  OUTCOMES,
  refused,
} from '../stream/counters.js';
import type { Count } from '../stream/parser.js';
import { LEVELS } from '../stream/schema.js';

/** One point in time of a session. */
export interface Point {
  /** The count's own time plus the `clock` passed to add(), in seconds. */
  readonly time: number;
  /** The highest half-open count since the previous point, if known. */
  readonly high: number;
  readonly figures: Counters;
  /** Number of the epoch: points of different epochs are not comparable. */
  readonly epoch: number;
}

/** Growth per second, between the last two points. */
export type Rates = Partial<Record<CounterName | 'refused' | 'net', number>>;

export type SessionView = Readonly<
  Pick<Session, 'points' | 'latest' | 'peak' | 'rates' | 'totals'>
>;

/** Above this number of points, every two are merged into one. */
const MAX_POINTS = 36_000;

const NOT_COUNTED_UP: ReadonlySet<CounterName> = new Set(LEVELS);

/** Folds counts into a session for views to show. Memory is bounded for any duration. */
export class Session {
  points: Point[] = [];
  latest: Point | null = null;
  peak = 0;
  rates: Rates = {};
  /** Growth of each figure over all epochs of the session. */
  totals: Counters = {};
  /** Number of counts folded in so far, and the seconds from the first to the last. */
  counts = 0;
  seconds = 0;
  #first = 0;
  #epoch = 0;

  /** @param keep seconds after which points are forgotten; Infinity to keep the whole session */
  constructor(private readonly keep: number) {}

  /** Begin an epoch: counters restart, so do not compare later counts with earlier ones. */
  startEpoch(): void {
    this.#epoch += 1;
    this.rates = {};
  }

  /** @param clock seconds to add to the count's own time */
  add(count: Count, clock: number): Point {
    const point: Point = {
      time: clock + count.time,
      high: Math.max(count.half_open, count.figures.peak ?? count.half_open),
      figures: count.figures,
      epoch: this.#epoch,
    };
    const before = this.latest;
    this.rates = {};
    if (before !== null && before.epoch === point.epoch) {
      this.#compare(before, point);
    }
    this.latest = point;
    this.counts += 1;
    this.#first = this.counts === 1 ? point.time : this.#first;
    this.seconds = point.time - this.#first;
    this.peak = this.counts === 1 ? point.high : Math.max(this.peak, point.high);
    this.points.push(point);
    this.#bound();
    return point;
  }

  /** Return a copy that later counts do not change. */
  snapshot(): SessionView {
    return {
      points: this.points.slice(),
      latest: this.latest,
      peak: this.peak,
      rates: this.rates,
      totals: { ...this.totals },
    };
  }

  #compare(before: Point, point: Point): void {
    const seconds = point.time - before.time;
    for (const name of COUNTER_NAMES) {
      const grown = growthOf(name, before.figures, point.figures);
      if (grown === undefined || NOT_COUNTED_UP.has(name)) {
        continue;
      }
      this.totals[name] = (this.totals[name] ?? 0) + grown;
      if (seconds > 0) {
        this.rates[name] = grown / seconds;
      }
    }
    if (seconds > 0) {
      const net = growthOf('half_open', before.figures, point.figures);
      const turnedAway = difference(refused(before.figures), refused(point.figures));
      Object.assign(
        this.rates,
        net === undefined ? {} : { net: net / seconds },
        turnedAway === undefined ? {} : { refused: turnedAway / seconds },
      );
    }
  }

  #bound(): void {
    const oldest = (this.latest?.time ?? 0) - this.keep;
    if (this.points.length > 1024 && (this.points[512]?.time ?? oldest) < oldest) {
      this.points.splice(0, 512);
    }
    if (this.points.length > MAX_POINTS) {
      const kept = thin(this.points);
      // Points of different epochs are not merged: with too many epochs, drop the oldest points.
      this.points = kept.length > 0.75 * MAX_POINTS ? kept.slice(-MAX_POINTS / 2) : kept;
    }
  }
}

/** Merge every two neighbours of the same epoch, keeping the higher count. */
function thin(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const a = points[i] as Point;
    const b = points[i + 1];
    if (b === undefined || b.epoch !== a.epoch) {
      kept.push(a, ...(b === undefined ? [] : [b]));
    } else {
      kept.push({ ...b, high: Math.max(a.high, b.high) });
    }
  }
  return kept;
}

/** Return the outcomes of half-opens that ended in the last `span` seconds; null if not known. */
export function endings(
  view: SessionView,
  span: number,
): { readonly ended: number; readonly seconds: number; readonly by: Counters } | null {
  const { latest } = view;
  if (latest === null) {
    return null;
  }
  const first = view.points.find(
    (point) => point.epoch === latest.epoch && point.time >= latest.time - span,
  );
  const by: Counters = {};
  let ended = 0;
  for (const outcome of OUTCOMES) {
    const grown = growthOf(outcome, first?.figures, latest.figures);
    if (grown === undefined) {
      return null;
    }
    by[outcome] = grown;
    ended += grown;
  }
  return { ended, seconds: latest.time - (first?.time ?? latest.time), by };
}
