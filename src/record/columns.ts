import { OUTCOMES } from './figures.js';

/** What tcp_probe of Linux 4.15 printed, in its order. */
export const TCP_PROBE_COLUMNS = [
  'time',
  'local',
  'remote',
  'length',
  'snd_nxt',
  'snd_una',
  'snd_cwnd',
  'ssthresh',
  'snd_wnd',
  'srtt_us',
  'rcv_wnd',
] as const;

/** The columns of each kind of line where a stream has no header line for it: those of docs/format.md. */
export const DEFAULT_COLUMNS = {
  A: ['time', 'local', 'remote', 'qlen', 'limit'],
  C: [
    'time',
    'half_open',
    'initial',
    'added',
    ...OUTCOMES,
    'cookies',
    'cookies_ok',
    'cookies_bad',
    'queue_full',
    'accept_full',
    'peak',
    'missed',
    'lost',
  ],
  D: [
    'time',
    'location',
    'reason',
    'local',
    'remote',
    'state',
    'flags',
    'length',
    'stack',
    'proto',
  ],
  L: ['time', 'kind', 'lost', 'lost_total', 'produced_total'],
  R: ['time', 'local', 'remote', 'qlen', 'outcome', 'age_us', 'synacks'],
  S: [
    ...TCP_PROBE_COLUMNS,
    'rttvar_us',
    'rto_us',
    'min_rtt_us',
    'lost',
    'retrans',
    'inflight',
    'rqueue',
    'wqueue',
    'mss',
    'pacing_rate',
    'delivery_rate',
    'bytes_acked',
    'ca_state',
    'ca_name',
    'cookie',
    'hook',
  ],
  X: ['time', 'local', 'remote', 'state', 'cause', 'stack'],
} as const;

/** The letters of the records that each word of the filter key `kinds` asks for. */
export const LETTERS = {
  count: 'C',
  event: 'AR',
  sample: 'S',
  drop: 'D',
  close: 'X',
} as const satisfies Readonly<Record<string, string>>;

/** A word of the filter key `kinds`. */
export type Kind = keyof typeof LETTERS;

export function isKind(word: string): word is Kind {
  return Object.hasOwn(LETTERS, word);
}

/** The columns of one kind, in the order a stream's header gives them. */
export class Columns {
  readonly names: readonly string[];
  /** Where the time stands, or -1. */
  readonly time: number;
  readonly #at: ReadonlyMap<string, number>;

  constructor(names: readonly string[]) {
    this.names = names;
    this.#at = new Map(names.map((name, i) => [name, i]));
    this.time = this.index('time');
  }

  /** Where a column stands, or -1: what a Row then gives is '' or NaN. */
  index(name: string): number {
    return this.#at.get(name) ?? -1;
  }
}

/** Where the columns that are wanted stand in a line, by the header that is in force; -1 for none. */
export class Places {
  readonly #wanted: readonly string[];
  #columns: Columns | null = null;
  #at: number[] = [];

  constructor(wanted: readonly string[]) {
    this.#wanted = wanted;
  }

  of(columns: Columns): readonly number[] {
    if (columns !== this.#columns) {
      this.#columns = columns;
      this.#at = this.#wanted.map((name) => columns.index(name));
    }
    return this.#at;
  }
}
