import { CLOSE_GROUPINGS, type Close, CloseReader } from '../aggregate/close.js';
import { DROP_GROUPINGS, type Drop, DropReader } from '../aggregate/drop.js';
import { Groups } from '../aggregate/groups.js';
import { Growths } from '../aggregate/growth.js';
import { HalfOpenReader } from '../aggregate/half-open.js';
import { LossAccounting } from '../aggregate/loss-accounting.js';
import { Origins } from '../aggregate/origins.js';
import { Recording } from '../aggregate/recording.js';
import { Tally } from '../aggregate/tally.js';
import { Collector, UNKNOWN_SETTINGS } from '../diagnose/collect.js';
import { type Count, EMPTY_HEADER, type Header } from '../stream/parser.js';
import type { Item, Start, Taker } from '../stream/reader.js';
import type { Row } from '../stream/row.js';

/** Points of a line on the page, at most: those that are added at its gaps and ends among them. */
export const MOST_POINTS = 4000;
/** Gaps of a line. Where there are more, what is on both sides of them is joined. */
export const MOST_GAPS = 16;
/** Moments of a series: each gap takes up to three points more. */
const MOST_MOMENTS = MOST_POINTS - 4 * MOST_GAPS;
/** Samples on the page, of all connections together: a bound for its size. */
const MOST_SAMPLES = 24_000;

/** Folds a whole capture into what a report tells of it. Memory is bounded. */
export class Findings implements Taker {
  readonly recording: Recording;
  readonly growths = new Growths(MOST_MOMENTS);
  readonly tally = new Tally();
  readonly drops = new Groups<Drop>(DROP_GROUPINGS[0]);
  readonly closes = new Groups<Close>(CLOSE_GROUPINGS[0]);
  /** What a verdict rests on. */
  readonly collector = new Collector(UNKNOWN_SETTINGS);
  readonly ledger = new LossAccounting();
  readonly origins = new Origins();
  /** Lines of the capture, once it has ended. */
  lines = 0;
  /** Records of kinds that are not known here. */
  others = 0;
  /** The time of the first and the last record, on the recording's clock. */
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  #header: Header = EMPTY_HEADER;
  readonly #halfOpens = new HalfOpenReader();
  readonly #drops = new DropReader();
  readonly #closes = new CloseReader();

  /** @param connections how many will be shown: of fewer, more samples are kept */
  constructor(connections: number) {
    const samples = Math.min(MOST_MOMENTS, Math.floor(MOST_SAMPLES / connections));
    this.recording = new Recording({}, { counts: MOST_MOMENTS, samples });
  }

  /** Lines that could not be read. */
  get problems() {
    return this.recording.problems;
  }

  /** There is nothing to tell. */
  get isEmpty(): boolean {
    return this.first > this.last;
  }

  /** @param lines that were read: nothing more comes */
  end(lines: number): void {
    this.lines = lines;
    this.origins.finish();
  }

  begin(batch: Start): void {
    this.#header = batch.header;
    this.origins.begin(batch);
    this.recording.begin(batch);
    this.collector.begin(batch);
    if (batch.starts) {
      this.growths.startEpoch();
      this.#halfOpens.forget();
    }
  }

  take(item: Item): void {
    switch (item.kind) {
      case '?':
        this.others += 1;
        break;
      case '!':
        this.recording.take(item);
        break;
      case 'L':
        this.recording.take(item);
        this.collector.take(item);
        this.ledger.lost(item);
        break;
      case 'C':
        this.recording.take(item);
        this.collector.take(item);
        this.ledger.recorded('C');
        this.#count(item);
        break;
      default:
        this.#row(item, this.recording.clock.shift(this.#header));
    }
  }

  /** The recording has taken it, and moved its clock on where time goes back. */
  #count(count: Count): void {
    const clock = this.recording.clock.shift(this.#header);
    this.growths.add(count, clock);
    this.#reach(count.time + clock);
  }

  #row(row: Row, clock: number): void {
    const { problems } = this;
    const before = problems.count;
    const why = this.#take(row, clock);
    if (why !== null) {
      problems.add(row.line, why);
    }
    if (problems.count === before) {
      this.ledger.recorded(row.kind);
      this.#reach(row.time + clock);
    }
  }

  /** @returns why a row cannot be read; null if it can, or if it has been said already */
  #take(row: Row, clock: number): string | null {
    switch (row.kind) {
      case 'S':
        this.recording.take(row);
        return null;
      case 'D': {
        const drop = this.#drops.read(row);
        if (typeof drop === 'string') {
          return drop;
        }
        this.drops.add(drop);
        return null;
      }
      case 'X':
        this.closes.add(this.#closes.read(row));
        return null;
      default: {
        const event = this.#halfOpens.read(row);
        if (typeof event === 'string') {
          return event;
        }
        this.tally.add(event, clock);
        this.collector.take(row);
        return null;
      }
    }
  }

  #reach(time: number): void {
    this.first = Math.min(this.first, time);
    this.last = Math.max(this.last, time);
  }
}
