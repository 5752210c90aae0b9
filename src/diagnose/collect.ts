import { SourceSketch } from '../aggregate/source-sketch.js';
import { byFullness, type Listener, type QueueSettings } from '../proc/listeners.js';
import { Places } from '../stream/columns.js';
import { byOutcome, type Counters, growthOf, OUTCOMES, type Outcome } from '../stream/counters.js';
import type { Count } from '../stream/parser.js';
import type { Item, Start, Taker } from '../stream/reader.js';
import type { Row } from '../stream/row.js';
import { GROWING } from '../stream/schema.js';
import {
  type AcceptQueue,
  areMostlyOld,
  type Evidence,
  FEW,
  type Queue,
  type Scope,
} from './evidence.js';
import { Flow, PATIENCE, type Reason } from './flow.js';

export const UNKNOWN_SETTINGS: QueueSettings = {
  somaxconn: null,
  tcp_max_syn_backlog: null,
  tcp_syncookies: null,
};

/** Maximum number of flows, and of local addresses whose flow is remembered. */
const MOST_FLOWS = 1024;
/**
 * Maximum number of flows for which the sources of unanswered half-opens are kept: each takes 126
 * KB.
 */
const MOST_SOURCES = 64;
/**
 * Maximum number of waiting half-opens. Their remote endpoints become the sources of unanswered
 * ones.
 */
const MOST_WAITING = 65_536;
const EVENT_COLUMNS = ['local', 'remote', 'qlen', 'limit', 'outcome', 'age_us'] as const;
const SYN_COLUMNS = ['local', 'remote', 'answer', 'qlen', 'limit'] as const;
const NO_COOKIES = { cookies: 0, cookies_ok: 0, cookies_unanswered: 0 };
/**
 * Maximum number of counts kept of the last second. A tap gives at most 100 a second, but a capture
 * may have millions.
 */
const MAX_RECENT = 4096;
/** C lines arrive irregularly: a count that is nominally a second old may be only 0.99 s old. */
const ABOUT_A_SECOND = PATIENCE - 0.05;

/**
 * Minimum time of a watch in ms: a second in which half-opens begin, and a second for the last of
 * them to be answered.
 */
export const SHORTEST_TIME = 2000;

/**
 * Return why the collected data cannot be judged, in words; null if they can.
 *
 * @param name of the input
 */
export function tooLittle({ counts, seconds }: Collector, name: string): string | null {
  if (counts === 0) {
    return `${name} holds no counts: C lines are needed`;
  }
  // Accept slightly less, since counts arrive irregularly.
  return seconds * 1000 < SHORTEST_TIME * 0.99
    ? `${name} was seen for ${Math.round(seconds * 10) / 10} s only: it takes 2 s to tell`
    : null;
}

/** A half-open that may still get an answer. */
interface Waiting {
  readonly since: number;
  readonly flow: Flow;
}

/** A summary of the readings of one listener. */
interface Seen {
  readonly first: Listener;
  readonly last: Listener;
  readonly peak: number;
  readonly readings: number;
  readonly full: number;
  readonly stale: number;
  readonly shrank: boolean;
}

/** Add a reading of a listener to the summary of its earlier readings, if any. */
function seenAgain(before: Seen | undefined, listener: Listener): Seen {
  const { qlen, young, holds, accept_qlen, backlog } = listener;
  return {
    first: before?.first ?? listener,
    last: listener,
    peak: Math.max(before?.peak ?? 0, qlen),
    readings: (before?.readings ?? 0) + 1,
    full: (before?.full ?? 0) + (accept_qlen > backlog ? 1 : 0),
    stale: (before?.stale ?? 0) + (areMostlyOld(qlen - young, holds) ? 1 : 0),
    shrank: before !== undefined && (before.shrank || accept_qlen < before.last.accept_qlen),
  };
}

/**
 * Folds a stream, or a capture, and readings of the listeners into evidence. Memory is bounded, for
 * any duration and any number of sources.
 */
export class Collector implements Taker {
  /** Counts folded in so far. */
  counts = 0;
  #seconds = 0;
  readonly #sources = new SourceSketch();
  /** The listeners of the last reading, by address and inode. */
  #seen: ReadonlyMap<string, Seen> = new Map();
  /** The local addresses of these listeners. */
  #locals: ReadonlySet<string> = new Set();
  readonly #flows = new Map<string, Flow>();
  /**
   * Flows with a row in this epoch. A new header restarts only these, so it costs nothing for the
   * others.
   */
  readonly #active = new Set<Flow>();
  /** The flow of each local address; null if there were too many flows. */
  readonly #flowOf = new Map<string, Flow | null>();
  readonly #added = new Places(EVENT_COLUMNS);
  readonly #removed = new Places(EVENT_COLUMNS);
  readonly #answered = new Places(SYN_COLUMNS);
  /**
   * Half-opens and cookies younger than PATIENCE, by their remote endpoint, in the order in which
   * they began.
   */
  readonly #waiting = new Map<string, Waiting>();
  #sourced = 0;
  #before: Count | null = null;
  /** The counts of slightly more than the last second. */
  #recent: Count[] = [];
  #first: Count | null = null;
  #latest: Count | null = null;
  #lowAtFirst = Number.POSITIVE_INFINITY;
  #peak = 0;
  #totals: Counters = {};
  #grown = 0;
  #cookiesJudged = 0;
  #lost = 0;
  #judged = 0;
  /** How often time went back without a header. */
  #turns = 0;
  #events = false;
  /** The stream has Y rows, or would have them. */
  #syns = false;

  /** @param settings as read at the start; UNKNOWN_SETTINGS for a capture */
  constructor(private readonly settings: QueueSettings) {}

  /** Seconds of stream from the first count to the last, over all epochs. */
  get seconds(): number {
    return this.#seconds + (this.#latest?.time ?? 0) - (this.#first?.time ?? 0);
  }

  /**
   * Take a reading of the listeners; the first reading should come before the first row. Forget a
   * listener that the reading lacks, with the SYNs it dropped, so that short-lived sockets take no
   * memory.
   */
  listeners(reading: readonly Listener[]): void {
    const before = this.#seen;
    const seen = new Map<string, Seen>();
    for (const listener of reading) {
      const key = `${listener.local} ${listener.inode}`;
      // Sockets without an inode may share a key.
      seen.set(key, seenAgain(seen.get(key) ?? before.get(key), listener));
    }
    this.#seen = seen;
    this.#locals = new Set(reading.map(({ local }) => local));
  }

  begin({ starts, header }: Pick<Start, 'starts'> & Partial<Start>): void {
    this.#syns ||= header?.filter.kinds?.split(',').includes('syn') === true;
    if (starts) {
      this.#endEpoch();
      for (const flow of this.#active) {
        flow.restart();
      }
      this.#active.clear();
      this.#waiting.clear();
    }
  }

  take(item: Item): void {
    switch (item.kind) {
      case 'A':
      case 'R':
        this.#event(item);
        break;
      case 'Y':
        this.#syn(item);
        break;
      case 'C':
        this.#count(item);
        break;
      case 'L':
        this.#lost += ['A', 'R', 'Y'].includes(item.of) ? item.lost : 0;
        break;
    }
  }

  #event(row: Row): void {
    const [first, latest] = [this.#first, this.#latest];
    if (first === null || latest === null) {
      return;
    }
    this.#events = true;
    const at = (row.kind === 'A' ? this.#added : this.#removed).named(row.columns);
    const remote = row.text(at.remote);
    const flow = this.#activeFlow(row.text(at.local), latest.time);
    if (row.kind === 'A') {
      this.#sources.add(remote);
      flow?.add(row.time, row.number(at.qlen), row.number(at.limit));
      this.#wait(remote, row.time, flow);
    } else {
      this.#waiting.delete(remote);
      const named = row.text(at.outcome) as Outcome;
      const outcome = OUTCOMES.includes(named) ? named : 'other';
      flow?.remove(row.time, row.number(at.qlen), outcome, row.number(at.age_us) / 1e6, first.time);
    }
  }

  /** Take a SYN that did not enter the SYN queue, or a cookie that came back. */
  #syn(row: Row): void {
    const latest = this.#latest;
    if (latest === null) {
      return;
    }
    this.#syns = true;
    const at = this.#answered.named(row.columns);
    const remote = row.text(at.remote);
    const answer = row.text(at.answer);
    const flow = this.#activeFlow(row.text(at.local), latest.time);
    if (answer === 'cookie_ok') {
      this.#waiting.delete(remote);
      if (flow !== null) {
        flow.cookiesOk += 1;
      }
      return;
    }
    this.#sources.add(remote);
    const [qlen, limit] = [row.number(at.qlen), row.number(at.limit)];
    if (qlen >= 0 && limit >= 0) {
      flow?.see(qlen, limit);
    }
    if (answer === 'cookie') {
      flow?.addCookie(row.time);
      this.#wait(remote, row.time, flow);
    } else if (flow !== null && Object.hasOwn(flow.refused, answer)) {
      flow.refused[answer as Reason] += 1;
      flow.refusedSources ??= this.#newSketch();
      flow.refusedSources?.add(remote);
    }
  }

  /** Return the flow of a local address, with all half-opens judged that are due by `now`. */
  #activeFlow(local: string, now: number): Flow | null {
    const flow = this.#flowAt(local);
    if (flow !== null) {
      this.#active.add(flow);
      flow.settle(now);
    }
    return flow;
  }

  #wait(remote: string, since: number, flow: Flow | null): void {
    if (flow !== null && this.#waiting.size < MOST_WAITING) {
      this.#waiting.set(remote, { since, flow });
    }
  }

  /** Return null if there are too many already. */
  #newSketch(): SourceSketch | null {
    if (this.#sourced >= MOST_SOURCES) {
      return null;
    }
    this.#sourced += 1;
    return new SourceSketch();
  }

  /**
   * Add the sources of half-opens that have waited for PATIENCE at `now`, and so count as
   * unanswered.
   */
  #unanswered(now: number): void {
    for (const [remote, { since, flow }] of this.#waiting) {
      if (since > now - PATIENCE) {
        break;
      }
      this.#waiting.delete(remote);
      flow.sources ??= this.#newSketch();
      flow.sources?.add(remote);
    }
  }

  /** Return the evidence. The collector takes no further items. */
  finish(): Evidence {
    const half_open = this.#latest?.half_open ?? 0;
    this.#endEpoch();
    return {
      seconds: this.#seconds,
      half_open,
      peak: this.#peak,
      totals: this.#totals,
      scopes: this.#scopes(),
      sources: this.#sources.summary,
      completed_before: this.#before === null ? null : completedShare(this.#before),
      events: this.#events,
      syns: this.#knowsSyns,
      lost: this.#lost,
      turns: this.#turns,
      settings: this.settings,
    };
  }

  #count(count: Count): void {
    this.counts += 1;
    if (this.#latest !== null && count.time < this.#latest.time - ABOUT_A_SECOND) {
      this.#turns += 1;
      this.begin({ starts: true });
    }
    this.#first ??= count;
    this.#before ??= count;
    this.#latest = count;
    this.#peak = Math.max(this.#peak, count.half_open, count.figures.peak ?? 0);
    this.#unanswered(count.time);
    if (count.time <= this.#first.time + PATIENCE) {
      this.#lowAtFirst = Math.min(this.#lowAtFirst, count.half_open);
    }
    const before = this.#recent.at(-1);
    if (before !== undefined && (count.time <= before.time || this.#recent.length >= MAX_RECENT)) {
      const half_open = Math.min(before.half_open, count.half_open);
      this.#recent[this.#recent.length - 1] = { ...count, half_open };
    } else {
      this.#recent.push(count);
    }
    // Keep the latest count that is a second old: half-opens that began before it have waited for
    // PATIENCE.
    while ((this.#recent[1]?.time ?? Number.POSITIVE_INFINITY) <= count.time - ABOUT_A_SECOND) {
      this.#recent.shift();
    }
  }

  #endEpoch(): void {
    const [first, last, earlier] = [this.#first, this.#latest, this.#recent[0]];
    if (first !== null && last !== null && earlier !== undefined) {
      for (const flow of this.#active) {
        flow.settle(last.time);
      }
      this.#unanswered(last.time);
      this.#seconds += last.time - first.time;
      this.#judged += Math.max(0, last.time - first.time - PATIENCE);
      for (const name of GROWING) {
        this.#totals[name] =
          (this.#totals[name] ?? 0) + (growthOf(name, first.figures, last.figures) ?? 0);
      }
      const low = Math.min(...this.#recent.map(({ half_open }) => half_open));
      this.#grown += low - this.#lowAtFirst;
      this.#cookiesJudged += growthOf('cookies', first.figures, earlier.figures) ?? 0;
    }
    this.#first = null;
    this.#latest = null;
    this.#recent = [];
    this.#lowAtFirst = Number.POSITIVE_INFINITY;
  }

  /**
   * Return the flow of a local address. It belongs to the listener bound to that address, else to
   * one bound to its port on any address. Without such a listener, the address has its own flow.
   */
  #flowAt(local: string): Flow | null {
    const known = this.#flowOf.get(local);
    if (known !== undefined) {
      return known;
    }
    const port = local.slice(local.lastIndexOf(':'));
    const wildcards = local.startsWith('[') ? [`[::]${port}`] : [`0.0.0.0${port}`, `[::]${port}`];
    const bound = [local, ...wildcards].find((name) => this.#locals.has(name));
    const name = bound ?? local;
    let flow = this.#flows.get(name) ?? null;
    if (flow === null && this.#flows.size < MOST_FLOWS) {
      flow = new Flow();
      this.#flows.set(name, flow);
    }
    // Remember only MOST_FLOWS addresses: local addresses that differ in every connection must not
    // fill memory.
    if (this.#flowOf.size < MOST_FLOWS) {
      this.#flowOf.set(local, flow);
    }
    return flow;
  }

  #scopes(): Scope[] {
    const members = new Map<string, Seen[]>();
    for (const seen of this.#seen.values()) {
      const { local } = seen.last;
      const same = members.get(local);
      same === undefined ? members.set(local, [seen]) : same.push(seen);
    }
    const locals = [...new Set([...members.keys(), ...this.#flows.keys()])];
    const scopes = locals.map((local) =>
      listenerScope(local, members.get(local) ?? [], this.#flows.get(local) ?? null, this.#judged),
    );
    if (scopes.length === 0) {
      return [this.#namespaceScope()];
    }
    if (this.#knowsSyns) {
      return scopes.map((scope) => ({
        ...scope,
        ...answersOf(this.#flows.get(scope.local ?? '')),
      }));
    }
    // The kernel counts cookies only per namespace. Assign them to the only listener, or to the
    // only one whose queue was full.
    const full = scopes.filter(({ queue }) => queue !== null && queue.peak >= queue.holds);
    const shared = { ...this.#cookies(), ...(this.#seen.size === 0 ? this.#refusals() : {}) };
    const able = scopes.length === 1 ? scopes : full;
    if (able.length === 1) {
      return scopes.map((scope) => (scope === able[0] ? { ...scope, ...shared } : scope));
    }
    return Object.values(shared).some((value) => value > 0)
      ? [...scopes, { ...listenerScope(null, [], null, this.#judged), ...shared }]
      : scopes;
  }

  /** Return whether the flows have every SYN. */
  get #knowsSyns(): boolean {
    return this.#syns && this.#lost === 0;
  }

  #refusals() {
    const { queue_full = 0, accept_full = 0, refused_other = 0 } = this.#totals;
    return { queue_full, accept_full, refused_other };
  }

  #cookies() {
    const { cookies = 0, cookies_ok = 0 } = this.#totals;
    const cookies_unanswered = Math.max(0, this.#cookiesJudged - cookies_ok);
    return { cookies, cookies_ok, cookies_unanswered };
  }

  /** Make a scope from counts alone: half-opens that stay or expire were not answered. */
  #namespaceScope(): Scope {
    const totals = (outcome: Outcome) => this.#totals[outcome] ?? 0;
    return {
      ...listenerScope(null, [], null, this.#judged),
      ...this.#cookies(),
      seconds: this.#seconds,
      completed: totals('completed'),
      unanswered: Math.max(0, this.#grown + totals('expired')),
      failed: totals('reset') + totals('unreachable'),
      ended: byOutcome(totals),
      ...this.#refusals(),
    };
  }
}

/** Return how the kernel answered the SYNs of a flow that did not enter the queue. */
function answersOf(flow: Flow | undefined) {
  return {
    cookies: flow?.cookies ?? 0,
    cookies_ok: flow?.cookiesOk ?? 0,
    cookies_unanswered: flow?.cookiesUnanswered ?? 0,
    queue_full: flow?.refused.queue_full ?? 0,
    accept_full: flow?.refused.accept_full ?? 0,
    refused_other: flow?.refused.other ?? 0,
  };
}

/**
 * @param members the sockets that listen at this address: with SO_REUSEPORT there may be several
 */
function listenerScope(
  local: string | null,
  members: readonly Seen[],
  flow: Flow | null,
  seconds: number,
): Scope {
  // The worst of several sockets represents the address.
  const [member] = [...members].sort((a, b) => byFullness(a.last, b.last));
  const [stuck] = [...members].sort(
    (a, b) => b.full - a.full || b.last.accept_qlen - a.last.accept_qlen,
  );
  return {
    local,
    seconds,
    completed: flow?.completed ?? 0,
    unanswered: flow?.unanswered ?? 0,
    failed: flow?.failed ?? 0,
    failed_within: flow?.failedWithin ?? 0,
    sources: flow?.sources?.summary ?? null,
    refused_sources: flow?.refusedSources?.summary ?? null,
    ended: byOutcome((outcome) => flow?.ended[outcome] ?? 0),
    ...NO_COOKIES,
    drops: members.reduce((sum, { first, last }) => sum + last.drops - first.drops, 0),
    queue_full: 0,
    accept_full: 0,
    refused_other: 0,
    queue: queueOf(member, flow),
    accept: stuck === undefined ? null : acceptQueueOf(stuck, members.length),
    listener: member?.last ?? null,
    warned_before: members.some(({ first }) => first.warned),
  };
}

function queueOf(member: Seen | undefined, flow: Flow | null): Queue | null {
  if (member !== undefined) {
    const { last, readings } = member;
    const { qlen, holds, young } = last;
    return {
      qlen,
      holds,
      peak: Math.max(member.peak, flow?.peak ?? 0),
      old: qlen - young,
      stale: member.stale / readings,
    };
  }
  if (flow === null || flow.limit === 0) {
    return null;
  }
  const { qlen, limit: holds, peak, young } = flow;
  const old = Math.max(0, qlen - young);
  return { qlen, holds, peak, old, stale: areMostlyOld(old, holds) ? 1 : 0 };
}

function acceptQueueOf(
  { first, last, readings, full, shrank }: Seen,
  sockets: number,
): AcceptQueue {
  return {
    inode: last.inode,
    sockets,
    first: first.accept_qlen,
    last: last.accept_qlen,
    backlog: last.backlog,
    readings,
    full,
    shrank,
  };
}

/**
 * Return the share of completed handshakes among all that had ended at a count; null if too few
 * had.
 */
function completedShare({ figures }: Count): number | null {
  const of = (outcome: Outcome) => figures[outcome] ?? 0;
  const ended = OUTCOMES.reduce((sum, outcome) => sum + of(outcome), 0);
  return ended < FEW ? null : of('completed') / ended;
}
