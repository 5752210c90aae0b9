import { Collector, UNKNOWN_SETTINGS } from '../diagnose/collect.js';
import { CLOSE_GROUPINGS, type Close, CloseReader } from '../record/close.js';
import { DROP_GROUPINGS, type Drop, DropReader } from '../record/drop.js';
import { Groups } from '../record/groups.js';
import { Growths } from '../record/growth.js';
import { HalfOpenReader } from '../record/halfopen.js';
import { Ledger } from '../record/ledger.js';
import { Origins } from '../record/origins.js';
import { Recording } from '../record/recording.js';
import type { Row } from '../record/row.js';
import { Scanner, type Sink } from '../record/scan.js';
import type { Line } from '../record/stream.js';
import { Tally } from '../record/tally.js';

/** Points of a line on the page, at most: those that are added at its gaps and ends among them. */
export const MOST_POINTS = 4000;
/** Gaps of a line. Where there are more, what is on both sides of them is joined. */
export const MOST_GAPS = 16;
/** Moments of a series: each gap takes up to three points more. */
const MOST_MOMENTS = MOST_POINTS - 4 * MOST_GAPS;
/** Samples on the page, of all connections together: a bound for its size. */
const MOST_SAMPLES = 24_000;

/** Folds a whole capture into what a report tells of it. Memory is bounded. */
export class Findings implements Sink {
  readonly scanner = new Scanner(this);
  readonly recording: Recording;
  readonly growths = new Growths(MOST_MOMENTS);
  readonly tally = new Tally();
  readonly drops = new Groups<Drop>(DROP_GROUPINGS[0]);
  readonly closes = new Groups<Close>(CLOSE_GROUPINGS[0]);
  /** What a verdict rests on. */
  readonly collector = new Collector(UNKNOWN_SETTINGS);
  readonly ledger = new Ledger();
  readonly origins = new Origins();
  /** Records of kinds that are not known here. */
  others = 0;
  /** The time of the first and the last record, on the recording's clock. */
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  readonly #halfOpens = new HalfOpenReader();
  readonly #drops = new DropReader();
  readonly #closes = new CloseReader();

  /** @param connections how many will be shown: of fewer, more samples are kept */
  constructor(connections: number) {
    const samples = Math.min(MOST_MOMENTS, Math.floor(MOST_SAMPLES / connections));
    this.recording = new Recording({}, () => this.scanner, { counts: MOST_MOMENTS, samples });
  }

  /** Lines that could not be read. */
  get problems() {
    return this.recording.problems;
  }

  /** There is nothing to tell. */
  get isEmpty(): boolean {
    return this.first > this.last;
  }

  push(chunk: Buffer): void {
    this.scanner.push(chunk);
  }

  /** @param whole the end of the capture was reached */
  end(whole: boolean): void {
    if (whole) {
      this.scanner.end();
    }
    this.origins.finish();
  }

  row(row: Row): void {
    const { problems } = this;
    const before = problems.count;
    const clock = this.recording.clock.shift(this.scanner.header);
    const why = this.#take(row, clock);
    if (why !== null) {
      problems.add(this.scanner.lines, why);
    }
    if (problems.count === before) {
      this.ledger.recorded(row.kind);
      this.#reach(row.time + clock);
    }
  }

  line(line: Line): void {
    const { header } = this.scanner;
    this.origins.line(line, header);
    this.recording.line(line);
    this.collector.line(line);
    if (line.type === 'start') {
      this.growths.startEpoch();
      this.#halfOpens.forget();
    } else if (line.type === 'other') {
      this.others += 1;
    } else if (line.type === 'record') {
      const { record } = line;
      const clock = this.recording.clock.shift(header);
      if (record.kind === 'C') {
        this.ledger.recorded('C');
        this.growths.add(record, clock);
        this.#reach(record.time + clock);
      } else {
        this.ledger.lost(record);
      }
    }
  }

  /** @returns why a row cannot be read; null if it can, or if it has been said already */
  #take(row: Row, clock: number): string | null {
    switch (row.kind) {
      case 'S':
        this.recording.row(row);
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
        this.collector.row(row);
        return null;
      }
    }
  }

  #reach(time: number): void {
    this.first = Math.min(this.first, time);
    this.last = Math.max(this.last, time);
  }
}
