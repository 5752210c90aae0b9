import type { Moment } from '../sketch/downsampled.js';
import { Places } from '../stream/columns.js';
import { type EndpointFilter, wants } from '../stream/endpoints.js';
import type { Row } from '../stream/row.js';

const COLUMNS = ['local', 'remote', 'cookie', 'snd_cwnd', 'ssthresh', 'srtt_us'] as const;

/** What Linux sets ssthresh to before it has one: TCP_INFINITE_SSTHRESH (include/net/tcp.h). */
const UNSET = 0x7fffffff;

/** The most characters of two ends of a connection, a cookie of 20 digits, and the blanks between them. */
const LONGEST_KEY = 200;

/** One sample of a connection. A figure that is not there is NaN. */
export interface Sample extends Moment {
  /** The congestion window, in segments. */
  readonly cwnd: number;
  /** The slow start threshold, in segments; NaN while it is unset. */
  readonly ssthresh: number;
  /** Smoothed round-trip time: microseconds in an `S` line, in a line of tcp_probe as it stands. */
  readonly srtt: number;
}

/** How the figures of a Sample are measured when a series of them is thinned. */
export const MEASURES: readonly ((sample: Sample) => number)[] = [
  ({ cwnd }) => cwnd,
  ({ ssthresh }) => ssthresh,
  ({ srtt }) => srtt,
];

/** One connection, as long as its ends and its socket stay the same. */
export interface Connection {
  readonly local: string;
  readonly remote: string;
  /** Samples so far. */
  samples: number;
  /** Counts rows: the higher, the later it was seen. */
  seen: number;
}

export interface Rules<C> {
  readonly wanted: EndpointFilter;
  /** Connections kept; when there are a quarter more, the worst are forgotten down to this many. */
  readonly most: number;
  /** Makes more of a connection that is new. */
  readonly make: (connection: Connection) => C;
  /** Sorts the connections most worth keeping first. */
  readonly worth: (a: C, b: C) => number;
}

/** A socket's port may be used again: with the cookie, if the stream has it, that is told apart. */
export class Connections<C extends Connection> {
  /** Connections forgotten because there were too many, and those of their samples already taken. */
  forgotten = 0;
  forgottenSamples = 0;
  /** Rows of connections that are not wanted. */
  passedOver = 0;
  readonly #byKey = new Map<string, C>();
  readonly #unwanted = new Set<string>();
  readonly #places = new Places(COLUMNS);
  #rows = 0;

  constructor(private readonly rules: Rules<C>) {}

  get size(): number {
    return this.#byKey.size;
  }

  /** All of them, the one most worth keeping first. */
  sorted(): C[] {
    return [...this.#byKey.values()].sort(this.rules.worth);
  }

  /**
   * The connection of a row of kind S and its sample, whose time is that of the row plus `clock`.
   * @returns null if the connection is not wanted; a reason if the row cannot be read
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
    // The first logs of tcp_probe have no srtt.
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
        // An S line's 0 is a connection whose round trip was not measured yet.
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
