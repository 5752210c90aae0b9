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

/** Maximum points of a line on the page, including those added at its gaps and ends. */
export const MOST_POINTS = 4000;
/** Maximum gaps of a line. If there are more, the line is not broken at all. */
export const MOST_GAPS = 16;
/** Maximum moments of a series: each gap takes up to three further points. */
const MOST_MOMENTS = MOST_POINTS - 4 * MOST_GAPS;
/** Maximum samples on the page, of all connections together, to bound its size. */
const MOST_SAMPLES = 24_000;

/** Folds a whole capture into the data of a report. Memory is bounded. */
export class Findings implements Taker {
  readonly recording: Recording;
  readonly growths = new Growths(MOST_MOMENTS);
  readonly tally = new Tally();
  readonly drops = new Groups<Drop>(DROP_GROUPINGS[0]);
  readonly closes = new Groups<Close>(CLOSE_GROUPINGS[0]);
  /** Collects the evidence of the verdict. */
  readonly collector = new Collector(UNKNOWN_SETTINGS);
  readonly ledger = new LossAccounting();
  readonly origins = new Origins();
  /** Number of lines of the capture, set at its end. */
  lines = 0;
  /** Records of unknown kinds. */
  others = 0;
  /** Times of the first and the last record, on the recording's clock. */
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  #header: Header = EMPTY_HEADER;
  readonly #halfOpens = new HalfOpenReader();
  readonly #drops = new DropReader();
  readonly #closes = new CloseReader();

  /** @param connections number of connections shown: with fewer, each keeps more samples */
  constructor(connections: number) {
    const samples = Math.min(MOST_MOMENTS, Math.floor(MOST_SAMPLES / connections));
    this.recording = new Recording({}, { counts: MOST_MOMENTS, samples });
  }

  /** Return the unreadable lines. */
  get problems() {
    return this.recording.problems;
  }

  /** Return whether the capture lacks records. */
  get isEmpty(): boolean {
    return this.first > this.last;
  }

  /** @param lines number of lines read up to the end */
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

  /**
   * Add a count to the growths. Call it after the recording has taken the count, since the
   * recording moves its clock on if the time goes back.
   */
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

  /** @returns the reason for an unreadable row; null if it is readable, or already reported */
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
      case 'Y':
        this.collector.take(row);
        return null;
      case 'A':
      case 'R': {
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
