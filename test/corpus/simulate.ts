// Captures of simulated traffic, in the format of the module: SYN queues with limits, clients that
// answer after a round trip and repeat a refused SYN, senders that never answer. A step is 1 ms.

import { COLUMNS as SCHEMA } from '../../src/stream/schema.js';
import { ADDED_COLUMNS, countLine } from '../capture.js';

/** Make a generator of numbers from 0 up to 1: mulberry32 (Tommy Ettinger, public domain). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The end of a queued SYN. */
export interface Fate {
  /** Undefined if the sender never answers. */
  readonly ends?: 'completed' | 'reset';
  /** Time from the SYN to its end, in ms. */
  readonly after?: number;
}

export interface Syn extends Fate {
  /** In ms from the beginning of the capture. */
  readonly at: number;
  /** `address:port` of the listener. */
  readonly local: string;
  readonly remote: string;
  /** The client repeats a refused SYN a second later. */
  readonly repeats?: boolean;
}

export interface World {
  readonly seconds: number;
  /** Limit of each listener's SYN queue. */
  readonly holds: Readonly<Record<string, number>>;
  readonly cookies: boolean;
  readonly syns: readonly Syn[];
  /** SYNs per second that are refused for a full accept queue. */
  readonly acceptFull?: number;
  /** Counters of the first C line. */
  readonly before?: Readonly<Record<string, number>>;
}

interface HalfOpen {
  readonly syn: Syn;
  readonly since: number;
}

const header = (syns: boolean): string[] => [
  '# tcpsynq 1',
  `# filter kinds=count,event${syns ? ',syn' : ''} interval_ms=200`,
  `# C ${SCHEMA.C.join(' ')}`,
  `# A ${ADDED_COLUMNS}`,
  `# R ${SCHEMA.R.join(' ')}`,
  '# Y time local remote answer qlen limit',
];
/** Time between two C lines, in ms. */
const INTERVAL = 200;

/** Return the capture of a world, as text. @param syns with Y lines */
export function simulate(world: World, syns: boolean): string {
  return new Simulation(world, syns).text();
}

class Simulation {
  private readonly lines: string[];
  private readonly figures: Record<string, number>;
  private readonly qlen: Record<string, number> = {};
  /** SYNs, ends of half-opens and returned cookies, by their time in ms. */
  private readonly syns = new Map<number, Syn[]>();
  private readonly ends = new Map<number, HalfOpen[]>();
  private readonly cookies = new Map<number, Syn[]>();

  constructor(
    private readonly world: World,
    private readonly recordsSyns: boolean,
  ) {
    this.lines = header(recordsSyns);
    this.figures = { ...world.before };
    for (const syn of world.syns) this.arrive(syn);
  }

  text(): string {
    const end = this.world.seconds * 1000;
    for (let now = 0; now <= end; now += 1) {
      for (const one of this.ends.get(now) ?? []) this.end(one, now);
      for (const syn of this.cookies.get(now) ?? []) this.answer(syn, now, 'cookie_ok');
      for (const syn of this.syns.get(now) ?? []) this.syn(syn, now);
      if (now % 1000 === 500) this.refuseForAcceptQueue(now);
      if (now % INTERVAL === 0) this.lines.push(countLine(now / 1000, this.figures));
    }
    return `${this.lines.join('\n')}\n`;
  }

  private add(name: string, count: number): void {
    this.figures[name] = (this.figures[name] ?? 0) + count;
  }

  private arrive(syn: Syn): void {
    const at = Math.round(syn.at);
    const others = this.syns.get(at);
    if (others === undefined) this.syns.set(at, [syn]);
    else others.push(syn);
  }

  private syn(syn: Syn, now: number): void {
    const { local, remote, ends, after = 0 } = syn;
    const holds = this.world.holds[local] ?? 0;
    const qlen = this.qlen[local] ?? 0;
    if (qlen >= holds) {
      this.refuse(syn, now);
      return;
    }
    this.qlen[local] = qlen + 1;
    this.add('added', 1);
    this.add('half_open', 1);
    this.lines.push(`A ${(now / 1000).toFixed(9)} ${local} ${remote} ${qlen + 1} ${holds}`);
    if (ends === undefined) return;
    const end = now + Math.max(1, Math.round(after));
    const others = this.ends.get(end);
    if (others === undefined) this.ends.set(end, [{ syn, since: now }]);
    else others.push({ syn, since: now });
  }

  private refuse(syn: Syn, now: number): void {
    if (!this.world.cookies) {
      this.answer(syn, now, 'queue_full');
      if (syn.repeats) this.arrive({ ...syn, at: now + 1000 });
      return;
    }
    this.answer(syn, now, 'cookie');
    if (syn.ends !== 'completed') return;
    const back = now + Math.max(1, Math.round(syn.after ?? 0));
    const others = this.cookies.get(back);
    if (others === undefined) this.cookies.set(back, [syn]);
    else others.push(syn);
  }

  private refuseForAcceptQueue(now: number): void {
    const [local = ''] = Object.keys(this.world.holds);
    for (let i = 0; i < (this.world.acceptFull ?? 0); i += 1) {
      this.answer({ at: now, local, remote: `198.51.100.7:${1024 + i}` }, now, 'accept_full');
    }
  }

  /** Count the answer to a SYN that does not enter the queue, or a cookie that comes back. */
  private answer({ local, remote }: Syn, now: number, answer: string): void {
    this.add(answer === 'cookie' ? 'cookies' : answer === 'cookie_ok' ? 'cookies_ok' : answer, 1);
    if (!this.recordsSyns) return;
    const queue = `${this.qlen[local] ?? 0} ${this.world.holds[local] ?? 0}`;
    this.lines.push(`Y ${(now / 1000).toFixed(9)} ${local} ${remote} ${answer} ${queue}`);
  }

  private end({ syn, since }: HalfOpen, now: number): void {
    const { local, remote, ends } = syn;
    const qlen = (this.qlen[local] ?? 1) - 1;
    this.qlen[local] = qlen;
    this.add(ends as string, 1);
    this.add('half_open', -1);
    const age = (now - since) * 1000;
    this.lines.push(
      `R ${(now / 1000).toFixed(9)} ${local} ${remote} ${qlen} ${ends} ${age} ${age < 1e6 ? 1 : 2}`,
    );
  }
}
