import type { Moment } from '../sketch/downsampled.js';
import { Places } from '../stream/columns.js';
import { type EndpointFilter, wants } from '../stream/endpoints.js';
import type { Row } from '../stream/row.js';

const COLUMNS = ['local', 'remote', 'cookie', 'snd_cwnd', 'ssthresh', 'srtt_us'] as const;

/** Linux's initial ssthresh: TCP_INFINITE_SSTHRESH (include/net/tcp.h). */
const UNSET = 0x7fffffff;

/** Maximum length of two endpoints, a cookie of 20 digits, and the blanks between them. */
const LONGEST_KEY = 200;

/** One sample of a connection. Missing figures are NaN. */
export interface Sample extends Moment {
  /** The congestion window, in segments. */
  readonly cwnd: number;
  /** The slow start threshold, in segments; NaN while it is unset. */
  readonly ssthresh: number;
  /**
   * Smoothed round-trip time: in microseconds for an `S` line, in the log's unit for a line of
   * tcp_probe.
   */
  readonly srtt: number;
}

/** The figures of a Sample that decide how a series is downsampled. */
export const MEASURES: readonly ((sample: Sample) => number)[] = [
  ({ cwnd }) => cwnd,
  ({ ssthresh }) => ssthresh,
  ({ srtt }) => srtt,
];

/**
 * One connection: a pair of endpoints and a socket. If either changes, it is another connection.
 */
export interface Connection {
  readonly local: string;
  readonly remote: string;
  /** Samples so far. */
  samples: number;
  /** The number of its latest row: higher means seen later. */
  seen: number;
}

export interface Rules<C> {
  readonly wanted: EndpointFilter;
  /**
   * Connections kept. When a quarter more exist, the ones least worth keeping are evicted, down to
   * this number.
   */
  readonly most: number;
  /** Adds fields to a new connection. */
  readonly make: (connection: Connection) => C;
  /** Compares two connections; the one more worth keeping comes first. */
  readonly worth: (a: C, b: C) => number;
}

/**
 * Distinguishes connections by endpoints and socket cookie, since a later socket may use the same
 * port again.
 */
export class Connections<C extends Connection> {
  /**
   * Number of connections evicted because there were too many, and of the samples taken of them.
   */
  forgotten = 0;
  forgottenSamples = 0;
  /** Number of rows of unwanted connections. */
  passedOver = 0;
  readonly #byKey = new Map<string, C>();
  readonly #unwanted = new Set<string>();
  readonly #places = new Places(COLUMNS);
  #rows = 0;

  constructor(private readonly rules: Rules<C>) {}

  get size(): number {
    return this.#byKey.size;
  }

  /** Return all connections, the one most worth keeping first. */
  sorted(): C[] {
    return [...this.#byKey.values()].sort(this.rules.worth);
  }

  /**
   * Return the connection of an S row, and the row's sample.
   *
   * @param clock seconds to add to the row's own time
   * @returns null if the connection is not wanted; a reason if the row is unreadable
   */
  take(
    row: Row,
    epoch: number,
    clock: number,
  ): { readonly connection: C; readonly sample: Sample } | string | null {
    const places = this.#places.named(row.columns);
    const [local, remote] = [row.text(places.local), row.text(places.remote)];
    const key = `${local} ${remote} ${row.text(places.cookie)}`;
    if (key.length > LONGEST_KEY) {
      return 'the ends of the connection and its cookie are too long';
    }
    if (this.#unwanted.has(key)) {
      this.passedOver += 1;
      return null;
    }
    const cwnd = row.number(places.snd_cwnd);
    const ssthresh = row.number(places.ssthresh);
    const srtt = row.number(places.srtt_us);
    // Logs of the first versions of tcp_probe lack srtt.
    const isUnknown = row.tcpProbe && row.text(places.srtt_us) === '';
    if (Number.isNaN(cwnd) || Number.isNaN(ssthresh) || (Number.isNaN(srtt) && !isUnknown)) {
      return 'snd_cwnd, ssthresh and srtt_us are not all whole numbers';
    }
    const connection = this.#byKey.get(key) ?? this.#meet(key, local, remote);
    if (typeof connection !== 'object' || connection === null) {
      return connection;
    }
    this.#rows += 1;
    connection.seen = this.#rows;
    connection.samples += 1;
    return {
      connection,
      sample: {
        time: row.time + clock,
        epoch,
        cwnd,
        ssthresh: ssthresh >= UNSET ? Number.NaN : ssthresh,
        // In an S line, 0 means that the kernel has not measured a round trip yet.
        srtt: srtt === 0 && !row.tcpProbe ? Number.NaN : srtt,
      },
    };
  }

  #meet(key: string, local: string, remote: string): C | string | null {
    const { wanted, make, most } = this.rules;
    const answer = wants(wanted, local, remote);
    if (answer === null) {
      return 'an end of the connection is not an address with its port';
    }
    if (!answer) {
      if (this.#unwanted.size >= 10 * most) {
        this.#unwanted.clear();
      }
      this.#unwanted.add(key);
      this.passedOver += 1;
      return null;
    }
    if (this.#byKey.size >= most * 1.25) {
      this.#forget();
    }
    const connection = make({ local, remote, samples: 0, seen: 0 });
    this.#byKey.set(key, connection);
    return connection;
  }

  #forget(): void {
    const { worth, most } = this.rules;
    const entries = [...this.#byKey].sort(([, a], [, b]) => worth(a, b));
    for (const [key, connection] of entries.slice(most)) {
      this.#byKey.delete(key);
      this.forgotten += 1;
      this.forgottenSamples += connection.samples;
    }
  }
}
