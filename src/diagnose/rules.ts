import { byOutcome } from '../stream/counters.js';
import { areMostlyOld, type Evidence, FEW, HALF, type Scope } from './evidence.js';

/** The states of a listener, the worst first. */
export const STATES = ['stuck', 'flood', 'unanswered', 'surge', 'probes', 'busy', 'idle'] as const;
export type State = (typeof STATES)[number];

/** Return whether nothing is wrong in this state. */
export function isQuiet(state: State): boolean {
  return state === 'probes' || state === 'busy' || state === 'idle';
}

/** Minimum share of completed handshakes of a server that is only busy. */
const COMPLETES = 0.9;
/**
 * Unanswered handshakes per second. Fewer are the Internet's everyday noise if half of the
 * handshakes complete.
 */
const MANY = 50;
/**
 * Minimum number of networks from which spoofed SYNs come, or half the number of SYNs if that is
 * less.
 */
const SPREAD = 32;
/** Minimum number of distinct addresses per unanswered half-open, if the addresses are spoofed. */
const ONCE = 0.8;
/**
 * Harmless share of SYNs that are refused or answered with a cookie: the clients send them again.
 */
const TRIFLE = 0.01;
/** Minimum number of handshakes per second that counts as traffic. */
const SOME = 1;

interface Rule {
  /** The name in docs/diagnose.md. */
  readonly name: string;
  readonly state: State;
  applies(scope: Scope, evidence: Evidence): boolean;
}

/** The first rule that applies to a scope decides. docs/diagnose.md gives the reasons. */
export const RULES: readonly Rule[] = [
  {
    name: 'accept queue full',
    state: 'stuck',
    applies: ({ accept }) =>
      accept !== null && accept.full > 0 && accept.full >= HALF * accept.readings,
  },
  {
    name: 'nothing accepted',
    state: 'stuck',
    applies: ({ accept, ended, cookies_ok }, { lost }) =>
      accept !== null &&
      lost === 0 &&
      accept.last >= FEW &&
      !accept.shrank &&
      accept.last - accept.first >= ended.completed + cookies_ok,
  },
  {
    name: 'refused for the accept queue',
    state: 'stuck',
    applies: ({ accept, accept_full }, { totals }) =>
      accept === null && accept_full > (totals.completed ?? 0),
  },
  {
    name: 'old half-opens',
    state: 'flood',
    applies: (scope, evidence) =>
      isFullOfOld(scope, evidence) && (isSpread(scope) !== false || isShut(scope, evidence)),
  },
  {
    name: 'unanswered by many networks',
    state: 'flood',
    applies: (scope, evidence) =>
      areUnanswered(scope) &&
      (isShut(scope, evidence) || (isSpread(scope) ?? perSecond(scope, unanswered(scope)) >= MANY)),
  },
  {
    name: 'unanswered',
    state: 'unanswered',
    applies: (scope, evidence) => areUnanswered(scope) || isFullOfOld(scope, evidence),
  },
  {
    name: 'queue half full',
    state: 'surge',
    applies: ({ queue }) =>
      queue !== null && queue.holds > 0 && queue.peak >= Math.max(FEW, HALF * queue.holds),
  },
  {
    name: 'refused',
    state: 'surge',
    applies: (scope, evidence) => isMuch(scope, refused(scope, evidence)),
  },
  {
    name: 'cookies',
    state: 'surge',
    applies: (scope, { settings }) => settings.tcp_syncookies !== 2 && isMuch(scope, scope.cookies),
  },
  {
    name: 'reset',
    state: 'probes',
    applies: (scope) =>
      scope.failed >= FEW && scope.failed > unanswered(scope) && (completion(scope) ?? 1) < HALF,
  },
  {
    name: 'handshakes',
    state: 'busy',
    applies: (scope) => perSecond(scope, answered(scope)) >= SOME,
  },
  { name: 'none of these', state: 'idle', applies: () => true },
];

/** Return the handshakes that made a connection, including those through cookies. */
export function answered({ completed, cookies_ok }: Scope): number {
  return completed + cookies_ok;
}

/** Return the handshakes that failed: unanswered, reset, or ended by an ICMP error. */
export function cameToNothing({ unanswered, cookies_unanswered, failed }: Scope): number {
  return unanswered + cookies_unanswered + failed;
}

/** Return the handshakes without an answer, including those through cookies. */
function unanswered(scope: Scope): number {
  return scope.unanswered + scope.cookies_unanswered;
}

/** Return whether the unanswered handshakes exceed everyday noise. */
function areUnanswered(scope: Scope): boolean {
  const rate = perSecond(scope, unanswered(scope));
  const share = unanswered(scope) / (answered(scope) + cameToNothing(scope));
  return (
    (rate >= MANY && 1 - share < COMPLETES) ||
    ((scope.listener?.defer_accept ?? 0) === 0 &&
      unanswered(scope) >= FEW &&
      rate >= SOME &&
      share > HALF)
  );
}

/**
 * Return whether the unanswered came from as many networks as spoofed SYNs do. At high rates,
 * distinct addresses suffice: a real client without an answer tries again from the same address. If
 * nothing entered the queue, look at the refused SYNs. Return null if not known.
 */
function isSpread(scope: Scope): boolean | null {
  const sources = scope.sources ?? scope.refused_sources;
  if (sources === null) {
    return null;
  }
  const { total, networks, addresses } = sources;
  return (
    networks >= Math.max(FEW, Math.min(SPREAD, HALF * total)) ||
    (perSecond(scope, unanswered(scope)) >= MANY && addresses >= ONCE * total)
  );
}

/** Return whether the queue is full, or mostly full, of unanswered half-opens. */
function isFullOfOld(scope: Scope, evidence: Evidence): boolean {
  const { queue, listener } = scope;
  if (queue === null || (listener?.defer_accept ?? 0) > 0 || mayHaveOverflown(scope, evidence)) {
    return false;
  }
  const tiny = queue.holds > 0 && queue.holds < FEW && queue.old >= queue.holds;
  return (
    areMostlyOld(queue.old, queue.holds) || queue.stale >= HALF || (tiny && isShut(scope, evidence))
  );
}

/**
 * Return whether a full queue refuses SYNs, or answers them with cookies that do not come back. As
 * many as its capacity are needed, but at least 5 and at most 10.
 */
function isShut(scope: Scope, evidence: Evidence): boolean {
  const always = evidence.settings.tcp_syncookies === 2;
  const out = refused(scope, evidence) + (always ? 0 : scope.cookies_unanswered);
  return out >= Math.max(HALF * FEW, Math.min(FEW, scope.queue?.holds || FEW));
}

/**
 * Return whether `count` SYNs, refused or answered with a cookie, exceed the share TRIFLE of all
 * handshakes.
 */
function isMuch(scope: Scope, count: number): boolean {
  return count > TRIFLE * (answered(scope) + cameToNothing(scope));
}

/** Return the share of the decided handshakes that made a connection; null if none was decided. */
export function completion(scope: Scope): number | null {
  const decided = answered(scope) + cameToNothing(scope);
  return decided === 0 ? null : answered(scope) / decided;
}

export function perSecond({ seconds }: Scope, count: number): number {
  return seconds > 0 ? count / seconds : 0;
}

/**
 * Return the refused SYNs. Without Y rows, a listener's `drops` include other packets, so use them
 * only up to the namespace's refusals.
 */
export function refused(scope: Scope, { totals, syns }: Evidence): number {
  const { listener, drops, queue_full, accept_full, refused_other } = scope;
  if (listener === null || syns) {
    return queue_full + accept_full + refused_other;
  }
  return Math.min(drops, (totals.queue_full ?? 0) + (totals.accept_full ?? 0));
}

/**
 * Return whether the accept queue may have been full: answered half-opens then stay in the SYN
 * queue.
 */
function mayHaveOverflown({ listener, drops, accept }: Scope, { totals }: Evidence): boolean {
  const somewhere = (totals.accept_full ?? 0) > 0;
  return (accept?.full ?? 0) > 0 || (somewhere && (listener === null || drops > 0));
}

/**
 * For how many seconds a queue that is over half full keeps unanswered half-opens; the kernel gives
 * up older ones early. Young half-opens are those of the last second. Once the queue holds eight
 * times as many, reqsk_timer_handler() lowers the number of SYN-ACKs to two
 * (net/ipv4/inet_connection_sock.c, Linux 6.1). So a flood fills a queue only if an eighth of the
 * queue arrives per second.
 */
const KEEPS = 8;

/** Return the capacity that a queue needs, so that unanswered half-opens do not fill it. */
export function enough(scope: Scope): number {
  return KEEPS * perSecond(scope, scope.unanswered);
}

/** Return the seconds until the SYN queue is full at this rate; 0 if it is full, null if never. */
export function fullIn(scope: Scope): number | null {
  const { queue } = scope;
  if (queue === null || queue.holds === 0) {
    return null;
  }
  const room = queue.holds - queue.qlen;
  if (room <= 0) {
    return 0;
  }
  return enough(scope) < queue.holds ? null : room / perSecond(scope, scope.unanswered);
}

export interface Judged {
  readonly scope: Scope;
  readonly state: State;
  /** The name of the rule that decided. */
  readonly rule: string;
  /** Whether, in a flood, other handshakes complete at the same time. */
  readonly honest: boolean;
}

export interface Verdict {
  /** The worst state. */
  readonly worst: Judged;
  /** The other scopes in trouble, the worst first. */
  readonly also: readonly Judged[];
  /** The severity for monitoring. */
  readonly severity: 'ok' | 'warning' | 'critical';
}

/**
 * Judge every scope and find the worst. Within one state, scopes with an address come before the
 * scope without. If each listener alone is well, or many are not, also judge all together: a flood
 * may be spread over them. That judgement comes first in its state.
 */
export function judge(evidence: Evidence): Verdict {
  const each = evidence.scopes.map((scope) => judgeScope(scope, evidence));
  const all = areWellApart(each)
    ? [judgeScope(together(evidence.scopes), evidence)].filter(({ state }) => !isQuiet(state))
    : [];
  const judged = [...each, ...all].sort(
    (a, b) =>
      STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
      Number(all.includes(b)) - Number(all.includes(a)) ||
      Number(a.scope.local === null) - Number(b.scope.local === null) ||
      weight(b) - weight(a),
  );
  const [worst, ...others] = judged as [Judged, ...Judged[]];
  return {
    worst,
    also: others.filter(({ state }) => !isQuiet(state)),
    severity: severityOf(worst, evidence),
  };
}

/** Return whether each listener alone is well, or too many to name are in trouble. */
function areWellApart(each: readonly Judged[]): boolean {
  const lost = ({ scope }: Judged) => unanswered(scope);
  const all = each.reduce((sum, one) => sum + lost(one), 0);
  const most = Math.max(...each.map(lost));
  const inTrouble = each.filter(({ state }) => !isQuiet(state)).length;
  return each.length > 1 && (inTrouble === 0 || (inTrouble > FEW && most < all / FEW));
}

/** Return the sums of all listeners, without their queues. */
function together(scopes: readonly Scope[]): Scope {
  const sum = (of: (scope: Scope) => number) =>
    scopes.reduce((total, scope) => total + of(scope), 0);
  return {
    local: null,
    seconds: Math.max(...scopes.map(({ seconds }) => seconds)),
    completed: sum((one) => one.completed),
    unanswered: sum((one) => one.unanswered),
    failed: sum((one) => one.failed),
    failed_within: Math.max(...scopes.map(({ failed_within }) => failed_within)),
    sources: null,
    refused_sources: null,
    ended: byOutcome((outcome) => sum((one) => one.ended[outcome])),
    cookies: sum((one) => one.cookies),
    cookies_ok: sum((one) => one.cookies_ok),
    cookies_unanswered: sum((one) => one.cookies_unanswered),
    drops: sum((one) => one.drops),
    queue_full: sum((one) => one.queue_full),
    accept_full: sum((one) => one.accept_full),
    refused_other: sum((one) => one.refused_other),
    queue: null,
    accept: null,
    listener: null,
    warned_before: false,
  };
}

function judgeScope(scope: Scope, evidence: Evidence): Judged {
  const rule = RULES.find((one) => one.applies(scope, evidence)) as Rule;
  const honest =
    rule.state === 'flood' && answered(scope) >= FEW && perSecond(scope, answered(scope)) >= SOME;
  return { scope, state: rule.state, rule: rule.name, honest };
}

/** Return the worst listener of each state in trouble, except the state of the worst of all. */
export function worstOfOtherStates({ worst, also }: Verdict): Judged[] {
  return STATES.filter((state) => state !== worst.state).flatMap(
    (state) => also.find((one) => one.state === state) ?? [],
  );
}

/** Return the severity of a listener, for comparison within one state. */
function weight({ scope, state }: Judged): number {
  switch (state) {
    case 'stuck':
      return scope.accept?.last ?? 0;
    case 'flood':
    case 'unanswered':
    case 'probes':
      return cameToNothing(scope);
    default:
      return answered(scope);
  }
}

function severityOf({ state, scope }: Judged, evidence: Evidence): Verdict['severity'] {
  switch (state) {
    case 'stuck':
      return 'critical';
    case 'flood': {
      const off = evidence.settings.tcp_syncookies === 0;
      const fills = fullIn(scope) !== null;
      return refused(scope, evidence) > 0 || (off && fills) ? 'critical' : 'warning';
    }
    case 'unanswered':
      // Handshakes completed before the watch, so the trouble is new.
      return answered(scope) === 0 && (evidence.completed_before ?? 0) > COMPLETES
        ? 'critical'
        : 'warning';
    case 'surge':
      return 'warning';
    case 'probes':
    case 'busy':
    case 'idle':
      return 'ok';
    default:
      return state satisfies never;
  }
}
