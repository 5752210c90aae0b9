import { Downsampled, type Moment } from '../sketch/downsampled.js';
import { Clock } from '../stream/clock.js';
import type { Counters } from '../stream/counters.js';
import type { EndpointFilter } from '../stream/endpoints.js';
import { EMPTY_HEADER, type Header } from '../stream/parser.js';
import { Problems } from '../stream/problems.js';
import type { Item, Start, Taker } from '../stream/reader.js';
import type { Row } from '../stream/row.js';
import { type Connection, Connections, MEASURES, type Sample } from './connections.js';

/** A count of half-opens from a C line. */
export interface CountPoint extends Moment {
  readonly figures: Counters;
}

/** A connection with its samples. */
export interface Recorded extends Connection {
  readonly series: Downsampled<Sample>;
}

/** Maximum number of points of one line in a picture: more than the picture is wide in pixels. */
const MOST_POINTS = 10_000;
/** Maximum number of connections whose samples are kept until the busiest are known. */
const MOST_CONNECTIONS = 200;

/**
 * Folds the samples and counts of a stream or capture into the data of a picture. Memory is
 * bounded.
 */
export class Recording implements Taker {
  readonly connections: Connections<Recorded>;
  readonly counts: Downsampled<CountPoint>;
  /**
   * Number of samples from tcpsynq's module, with srtt in microseconds, and from logs of tcp_probe.
   */
  readonly samples = { own: 0, tcpProbe: 0 };
  /** Times of the first and the last sample or count, on the picture's clock. */
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  /** Samples lost by the reader that recorded the file. */
  lost = 0;
  readonly clock = new Clock();
  readonly problems = new Problems();
  #header: Header = EMPTY_HEADER;
  #epoch = 0;
  #headed = false;

  /** @param most maximum points of the line of counts, and of the line of each connection */
  constructor(wanted: EndpointFilter, most = { counts: MOST_POINTS, samples: MOST_POINTS }) {
    this.counts = new Downsampled({ most: most.counts }, [
      ({ figures }) => figures.half_open ?? Number.NaN,
      ({ figures }) => figures.peak ?? Number.NaN,
    ]);
    this.connections = new Connections({
      wanted,
      most: MOST_CONNECTIONS,
      make: (connection) => ({
        ...connection,
        series: new Downsampled({ most: most.samples }, MEASURES),
      }),
      worth: (a, b) => b.samples - a.samples || a.seen - b.seen,
    });
  }

  begin({ header, starts }: Start): void {
    this.#header = header;
    if (starts) {
      this.#epoch += 1;
      this.#headed = true;
    }
  }

  take(item: Item): void {
    switch (item.kind) {
      case 'S':
        this.#sample(item);
        break;
      case 'C': {
        const time = item.time + this.#shift(item.time);
        this.counts.add({ time, epoch: this.#epoch, figures: item.figures });
        this.#reach(time);
        break;
      }
      case 'L':
        this.lost += item.of === 'S' ? item.lost : 0;
        break;
      case '!':
        this.problems.add(item.line, item.reason);
        break;
    }
  }

  #sample(row: Row): void {
    const shift = this.#shift(row.time);
    const taken = this.connections.take(row, this.#epoch, shift);
    if (typeof taken === 'string') {
      this.problems.add(row.line, taken);
    } else if (taken !== null) {
      const { connection, sample } = taken;
      connection.series.add(sample);
      // tcpsynq's module can print this form too, with microseconds, but always after a header.
      const own = !row.tcpProbe || this.#headed;
      this.samples[own ? 'own' : 'tcpProbe'] += 1;
      this.#reach(sample.time);
    }
  }

  /** Return the shift to add to a time; a time that goes back begins a new epoch. */
  #shift(time: number): number {
    return this.clock.next(this.#header, time, () => {
      this.#epoch += 1;
    });
  }

  #reach(time: number): void {
    this.first = Math.min(this.first, time);
    this.last = Math.max(this.last, time);
  }
}
