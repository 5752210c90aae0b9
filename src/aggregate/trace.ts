import { Downsampled } from '../sketch/downsampled.js';
import { Clock } from '../stream/clock.js';
import { Places } from '../stream/columns.js';
import type { EndpointFilter } from '../stream/endpoints.js';
import { EMPTY_HEADER, type Header, type Loss } from '../stream/parser.js';
import { Problems } from '../stream/problems.js';
import type { Item, Start, Taker } from '../stream/reader.js';
import type { Row } from '../stream/row.js';
import { type Connection, Connections, MEASURES, type Sample } from './connections.js';
import { Intervals } from './intervals.js';

/** The lowest and highest value of a figure in an interval; NaN without values. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The samples of a connection in an interval. */
export interface Interval {
  readonly samples: number;
  readonly cwnd: Range;
  readonly srtt: Range;
}

/** A connection that is followed. */
export interface Traced extends Connection {
  /** Identifies it within this trace. */
  readonly id: number;
  readonly series: Downsampled<Sample>;
  latest: Sample | null;
  /** Other columns of the latest sample, by name; absent if the stream lacks them. */
  others: Others;
  /** The current interval, and the samples per second of the last complete one. */
  interval: Interval;
  rate: number;
}

/** Columns of S lines that are shown unchanged. */
export const OTHERS = ['lost', 'retrans', 'inflight', 'ca_name'] as const;

/** The texts of these columns; a stream may lack some of them. */
export type Others = Readonly<Partial<Record<(typeof OTHERS)[number], string>>>;

const NONE: Range = { low: Number.NaN, high: Number.NaN };
const EMPTY: Interval = { samples: 0, cwnd: NONE, srtt: NONE };

/** Width of a group of samples in a chart, in seconds, and the number of groups kept. */
const GROUP = 0.125;
const MOST_POINTS = 12_000;

export interface Following {
  readonly wanted: EndpointFilter;
  /** Connections kept; if there are more, those not seen for longest are evicted. */
  readonly most: number;
  /** Samples after which the trace takes no more items. */
  readonly until?: number | undefined;
  /** Seconds of stream time in an interval. */
  readonly interval: number;
  /** Seconds after which samples are forgotten; Infinity to keep a whole recording. */
  readonly keep: number;
}

/** Receives the events of a trace, in order. */
export interface TraceListener {
  /** Return whether to write the pending output before more is taken. */
  isFull?(): boolean;
  sample?(connection: Traced, row: Row): void;
  /**
   * End an interval with the connections seen in it. A new interval begins when this call returns.
   */
  interval?(end: number, seconds: number | null, connections: readonly Traced[]): void;
  loss?(loss: Loss): void;
  problem?(line: number, reason: string): void;
}

/** Follows the connections of a stream or capture. Memory is bounded. */
export class Trace implements Taker {
  readonly connections: Connections<Traced>;
  readonly clock = new Clock();
  /** The header in force. */
  header: Header = EMPTY_HEADER;
  samples = 0;
  readonly problems = new Problems();
  /** Samples lost by this reader, or by the reader that recorded the capture. */
  lost = 0;
  /** Whether srtt is in microseconds; null before the first sample. */
  microseconds: boolean | null = null;
  readonly #intervals: Intervals;
  readonly #seen = new Set<Traced>();
  readonly #places = new Places(OTHERS);
  #made = 0;
  #epoch = 0;
  #headed = false;

  constructor(
    private readonly following: Following,
    private readonly listener: TraceListener,
  ) {
    const { wanted, most, keep, interval } = following;
    this.#intervals = new Intervals(interval, (end, seconds) => this.#over(end, seconds));
    // A recording that is kept whole is downsampled only when it is too large.
    const width = keep === Number.POSITIVE_INFINITY ? 0 : GROUP;
    this.connections = new Connections<Traced>({
      wanted,
      most,
      make: (connection) => ({
        ...connection,
        id: ++this.#made,
        series: new Downsampled({ most: MOST_POINTS, width, keep }, MEASURES),
        latest: null,
        others: {},
        interval: EMPTY,
        rate: 0,
      }),
      worth: (a, b) => b.seen - a.seen,
    });
  }

  /** Return the time of the latest line that has one. */
  get now(): number {
    return this.#intervals.now;
  }

  /** Return the seconds from the first line of a header to the last, added up over all headers. */
  get seconds(): number {
    return this.#intervals.seconds;
  }

  /** End the input. From now on, rates refer to the whole input. */
  end(): void {
    this.finish();
    for (const connection of this.connections.sorted()) {
      connection.rate = this.seconds > 0 ? connection.samples / this.seconds : 0;
    }
  }

  /** End the current interval. */
  finish(): void {
    this.#intervals.finish();
  }

  /** Return whether the requested number of samples is reached. */
  get done(): boolean {
    return this.samples === this.following.until;
  }

  /** Return all connections, the busiest first. */
  busiest(): Traced[] {
    return this.connections
      .sorted()
      .sort((a, b) => b.rate - a.rate || b.interval.samples - a.interval.samples);
  }

  begin({ header, starts }: Start): void {
    this.header = header;
    if (starts && !this.done) {
      this.#intervals.restart();
      this.#headed = true;
      this.#epoch += 1;
    }
  }

  /**
   * Return whether to stop taking items: until the listener's pending output is written, or for
   * good.
   */
  take(item: Item): boolean {
    if (this.done) {
      return true;
    }
    switch (item.kind) {
      case '?':
        break;
      case '!':
        this.#problem(item.line, item.reason);
        break;
      case 'L':
        this.#reach(item.time);
        if (item.of === 'S') {
          this.lost += item.lost;
          this.listener.loss?.(item);
        }
        break;
      case 'S':
        this.#sample(item);
        break;
      default:
        this.#reach(item.time);
    }
    return this.done || this.listener.isFull?.() === true;
  }

  #sample(row: Row): void {
    const shift = this.#reach(row.time);
    const taken = this.connections.take(row, this.#epoch, shift);
    if (typeof taken === 'string') {
      this.#problem(row.line, taken);
    } else if (taken !== null) {
      const { connection, sample } = taken;
      const { interval } = connection;
      this.samples += 1;
      this.microseconds = !row.tcpProbe || this.#headed;
      connection.latest = sample;
      connection.series.add(sample);
      connection.others = this.#others(row);
      connection.interval = {
        samples: interval.samples + 1,
        cwnd: widened(interval.cwnd, sample.cwnd),
        srtt: widened(interval.srtt, sample.srtt),
      };
      this.#seen.add(connection);
      this.listener.sample?.(connection, row);
    }
  }

  /** Take the time of a line, and return the shift to add to it. */
  #reach(time: number): number {
    const shift = this.clock.next(this.header, time, () => {
      this.#intervals.restart();
      this.#epoch += 1;
    });
    this.#intervals.reach(time + shift);
    return shift;
  }

  #others(row: Row): Others {
    const places = this.#places.named(row.columns);
    const others: { -readonly [Name in keyof Others]: Others[Name] } = {};
    for (const name of OTHERS) {
      if (places[name] >= 0) {
        others[name] = row.text(places[name]);
      }
    }
    return others;
  }

  #over(end: number, seconds: number | null): void {
    const seen = [...this.#seen].sort((a, b) => b.interval.samples - a.interval.samples);
    this.listener.interval?.(end, seconds, seen);
    for (const connection of this.connections.sorted()) {
      connection.rate = seconds === null ? 0 : connection.interval.samples / seconds;
      connection.interval = EMPTY;
    }
    this.#seen.clear();
  }

  #problem(line: number, reason: string): void {
    this.problems.add(line, reason);
    this.listener.problem?.(line, reason);
  }
}

function widened({ low, high }: Range, value: number): Range {
  if (Number.isNaN(value)) {
    return { low, high };
  }
  return value < low || value > high || Number.isNaN(low)
    ? { low: low <= value ? low : value, high: high >= value ? high : value }
    : { low, high };
}
