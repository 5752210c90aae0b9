import type { SourceSummary } from '../aggregate/source-sketch.js';
import { isStopped, type Owner } from '../proc/owners.js';
import { OUTCOMES, refused as refusedInAll } from '../stream/counters.js';
import { micros, percent, printable, rate, seconds, whole } from '../terminal/text.js';
import { type Advice, adviceFor, type KernelMessage, kernelMessage, type Names } from './advice.js';
import type { Evidence, Scope } from './evidence.js';
import {
  answered,
  cameToNothing,
  completion,
  fullIn,
  type Judged,
  perSecond,
  refused,
  type State,
  type Verdict,
  worstOfOtherStates,
} from './rules.js';

/** A diagnosis in words. */
export interface Report {
  readonly verdict: Verdict;
  readonly headline: string;
  readonly why: readonly string[];
  readonly advice: Advice;
  readonly kernel: KernelMessage | null;
}

/** Maximum number of other listeners in trouble, and of processes, that are named. */
const MAX_OTHERS = 4;

/**
 * Maximum characters shown of an address. The kernel's are shorter, but a forged capture may hold
 * longer ones.
 */
const MAX_ADDRESS = 64;

const NAMES: Readonly<Record<State, string>> = {
  stuck: 'STUCK',
  flood: 'FLOOD',
  unanswered: 'UNANSWERED',
  surge: 'SURGE',
  probes: 'PROBES',
  busy: 'BUSY',
  idle: 'IDLE',
};

/** @param grouped whether digits are in groups of three, for people */
export function report(
  verdict: Verdict,
  evidence: Evidence,
  names: Names,
  grouped: boolean,
): Report {
  const { worst } = verdict;
  return {
    verdict,
    headline: headline(worst),
    why: why(verdict, evidence, names, grouped),
    advice: adviceFor(worst, evidence, names),
    kernel: kernelMessage(worst, evidence),
  };
}

/** Name a state and its listener: `FLOOD on 0.0.0.0:443`. */
function nameOf({ state, scope: { local } }: Judged): string {
  const at = local === null ? '' : ` on ${printable(local.slice(0, MAX_ADDRESS))}`;
  return `${NAMES[state]}${at}`;
}

function headline(judged: Judged): string {
  const { state, scope, honest } = judged;
  switch (state) {
    case 'stuck':
      return `${nameOf(judged)}: the application ${scope.ended.completed === 0 ? 'does not accept' : 'accepts too slowly'}`;
    case 'flood':
      return `${nameOf(judged)}${honest ? '; real clients still connect' : ''}`;
    case 'surge':
      return `${nameOf(judged)}: more real clients than its queue takes`;
    case 'unanswered':
      return `${nameOf(judged)}: ${answered(scope) === 0 ? 'no' : 'hardly any'} handshake completes`;
    case 'probes':
      return `${nameOf(judged)}: their senders reset them, nothing stays queued`;
    case 'busy':
      return `${NAMES.busy}: handshakes complete, no queue is in trouble`;
    case 'idle':
      return `${NAMES.idle}: ${answered(scope) === 0 ? 'no one connects' : 'few connect'}, no queue is in trouble`;
    default:
      return state satisfies never;
  }
}

function why(verdict: Verdict, evidence: Evidence, names: Names, grouped: boolean): string[] {
  const { scope } = verdict.worst;
  const n = (value: number) => whole(value, grouped);
  const lines = [
    handshakes(scope, evidence, n),
    ...endings(verdict.worst, evidence, n),
    ...sources(verdict.worst, evidence, n),
    ...(scope.queue === null ? [] : [queueLine(scope, n)]),
    ...acceptQueue(verdict.worst, names, n),
  ];
  if (scope.cookies > 0 || scope.cookies_ok > 0) {
    lines.push(`${n(scope.cookies)} SYNs answered with a cookie, ${n(scope.cookies_ok)} came back`);
  }
  lines.push(...refusals(scope, evidence, n));
  if (evidence.lost > 0) {
    lines.push(`${n(evidence.lost)} events came too fast to be read: shares are of the others`);
  }
  if (evidence.turns > 0) {
    lines.push(
      `time goes back ${evidence.turns === 1 ? 'once' : `${n(evidence.turns)} times`} in the capture: each stretch is judged alone`,
    );
  }
  if ((evidence.totals.missed ?? 0) > 0) {
    lines.push(`${n(evidence.totals.missed ?? 0)} hooked calls missed: see tcpsynq status`);
  }
  lines.push(...others(verdict, n));
  return lines;
}

/** Return how the half-opens ended. */
function endings(
  { scope, state }: Judged,
  evidence: Evidence,
  n: (value: number) => string,
): string[] {
  const lines: string[] = [];
  const ends = OUTCOMES.reduce((sum, outcome) => sum + scope.ended[outcome], 0);
  if (ends > 0) {
    const { completed, expired } = scope.ended;
    lines.push(
      `${n(ends)} half-opens ended: ${percent(completed / ends)} completed, ${percent(expired / ends)} expired`,
    );
  }
  if (state === 'unanswered' && evidence.completed_before !== null) {
    lines.push(
      `${percent(evidence.completed_before)} of all completed before, since the module was loaded`,
    );
  }
  if (state === 'probes') {
    lines.push(`19 of 20 of these were reset within ${micros(scope.failed_within * 1e6)}`);
  }
  return lines;
}

/** Return how full the accept queue is, and which processes should empty it. */
function acceptQueue(
  { scope, state }: Judged,
  { owners }: Names,
  n: (value: number) => string,
): string[] {
  if (scope.accept === null || (state !== 'stuck' && scope.accept.last === 0)) {
    return [];
  }
  const { last, backlog, full, readings, sockets } = scope.accept;
  const one = sockets > 1 ? `, the worst of ${n(sockets)} sockets` : '';
  return [
    `accept queue ${n(last)} of ${n(backlog)}, full in ${full} of ${readings} readings${one}`,
    ...(state === 'stuck' && owners.length > 0 ? [heldBy(owners, n)] : []),
  ];
}

/** Return which processes hold the socket, and the state of each. */
function heldBy(owners: readonly Owner[], n: (value: number) => string): string {
  const shown = owners.slice(0, MAX_OTHERS).map(ownerWords).join(', ');
  const more = owners.length - MAX_OTHERS;
  return `held by ${shown}${more > 0 ? ` and ${n(more)} more` : ''}`;
}

/** Return a process for a person: `nginx[812] (stopped)`. */
function ownerWords(owner: Owner): string {
  const state = isStopped(owner)
    ? ' (stopped)'
    : owner.state === 'D'
      ? ' (in uninterruptible sleep)'
      : '';
  return `${printable(owner.name)}[${owner.pid}]${state}`;
}

/**
 * Return lines for the other listeners in trouble, up to MAX_OTHERS: the worst of each other state
 * comes first.
 */
function others(verdict: Verdict, n: (value: number) => string): string[] {
  const first = worstOfOtherStates(verdict);
  const all = [...first, ...verdict.also.filter((one) => !first.includes(one))];
  const lines = all.slice(0, MAX_OTHERS).map((one) => `also: ${headline(one)}`);
  return all.length > MAX_OTHERS ? [...lines, `and ${n(all.length - MAX_OTHERS)} more`] : lines;
}

/**
 * Name the networks of the unanswered and of the refused SYNs, or in a surge those of all SYNs. In a
 * flood, say if none were seen.
 */
function sources(
  { state, scope }: Judged,
  evidence: Evidence,
  n: (value: number) => string,
): string[] {
  const line = (what: string, origins: SourceSummary | null) => {
    if (origins === null) {
      return [];
    }
    const { networks, exact, top, share } = origins;
    return [
      `${what} ${exact ? '' : 'about '}${n(networks)} network${networks === 1 ? '' : 's'} (/24, /64), the most from ${printable(top)}: ${percent(share)}`,
    ];
  };
  if (state === 'surge') {
    return line('from', evidence.sources);
  }
  if (state !== 'flood' && state !== 'unanswered') {
    return [];
  }
  const lines = [
    ...line('the unanswered are from', scope.sources),
    ...line('the refused are from', scope.refused_sources),
  ];
  if (lines.length > 0) {
    return lines;
  }
  return evidence.events && state === 'flood' && scope.unanswered === 0
    ? ['sources not seen: nothing entered the SYN queue meanwhile']
    : [];
}

/** Return the SYNs refused for a full queue, and how many of them this listener refused. */
function refusals(scope: Scope, evidence: Evidence, n: (value: number) => string): string[] {
  const { queue_full = 0, accept_full = 0, refused_other = 0 } = evidence.totals;
  if (queue_full + accept_full + refused_other === 0) {
    return [];
  }
  const other = refused_other === 0 ? '' : `, ${n(refused_other)} for another reason`;
  const here = scope.listener === null ? '' : `, ${n(refused(scope, evidence))} of them here`;
  return [
    `SYNs refused: ${n(queue_full)} for a full SYN queue, ${n(accept_full)} for a full accept queue${other}${here}`,
  ];
}

function handshakes(scope: Scope, evidence: Evidence, n: (value: number) => string): string {
  const decided = answered(scope) + cameToNothing(scope);
  const watched = seconds(evidence.seconds);
  if (decided === 0) {
    return `no handshake was begun and decided in ${watched}`;
  }
  const part = (count: number, words: string) =>
    count === 0 ? [] : [`${percent(count / decided)} ${words}`];
  const parts = [
    `${percent(completion(scope) ?? 0)} completed`,
    ...part(scope.unanswered + scope.cookies_unanswered, 'unanswered after a second'),
    ...part(scope.failed, 'reset or unreachable'),
  ];
  return `${n(decided)} handshakes in ${watched}: ${parts.join(', ')} (a busy server completes over 90 %)`;
}

function queueLine(scope: Scope, n: (value: number) => string): string {
  const { qlen, holds, peak, old } = scope.queue ?? { qlen: 0, holds: 0, peak: 0, old: 0 };
  if (holds === 0) {
    return 'no SYN is queued: every one is answered with a cookie';
  }
  const left = fullIn(scope);
  const soon =
    left === null || left === 0
      ? ''
      : `; full in about ${seconds(Math.max(1, Math.round(left)))} at this rate`;
  return `SYN queue ${n(qlen)} of ${n(holds)} (${percent(qlen / holds)}), at most ${n(peak)}, ${n(old)} older than a second${soon}`;
}

/**
 * Return one line for monitoring plugins: state, words, and figures after the bar. The words name
 * the worst listener, then the worst of each other state: a stuck socket must not hide a flood.
 */
export function pluginLine({ verdict, headline: words }: Report, evidence: Evidence): string {
  const { scope } = verdict.worst;
  const share = completion(scope);
  const total = evidence.scopes.reduce((sum, one) => sum + cameToNothing(one), 0);
  const refusals = refusedInAll(evidence.totals);
  const perf = (label: string, value: string, max = '') => `${label}=${value};;;0;${max}`;
  const figures = [
    perf('half_open', String(evidence.half_open)),
    ...(share === null ? [] : [perf('completed', `${Math.round(share * 1000) / 10}%`, '100')]),
    perf('failed_per_second', rate(perSecond(scope, total), false)),
    perf('cookies', String(evidence.totals.cookies ?? 0)),
    ...(refusals === undefined ? [] : [perf('refused', String(refusals))]),
    ...(scope.queue === null
      ? []
      : [perf('syn_queue', String(scope.queue.qlen), String(scope.queue.holds))]),
    ...(scope.accept === null
      ? []
      : [perf('accept_queue', String(scope.accept.last), String(scope.accept.backlog + 1))]),
  ];
  const also = worstOfOtherStates(verdict).map((one) => `, also ${nameOf(one)}`);
  // Replace bars in the words, for example in an address from a capture: the first bar begins the
  // figures.
  const shown = [words, ...also].join('').replaceAll('|', '/');
  return `TCPSYNQ ${verdict.severity.toUpperCase()} - ${shown} | ${figures.join(' ')}`;
}

/** Return the report as an object; new versions only append keys. */
export function asObject(told: Report, evidence: Evidence): object {
  const { verdict, headline: words, advice, kernel } = told;
  const { worst, also, severity } = verdict;
  const { scopes, ...rest } = evidence;
  return {
    verdict: worst.state,
    honest_clients: worst.honest || worst.state === 'surge' || worst.state === 'busy',
    listener: worst.scope.local,
    rule: worst.rule,
    severity,
    words,
    completion: completion(worst.scope),
    expiry: expiry(worst.scope),
    full_in_seconds: fullIn(worst.scope),
    advice,
    kernel_message: kernel,
    also: also.map(({ state, rule, honest, scope }) => ({
      verdict: state,
      honest_clients: honest,
      listener: scope.local,
      rule,
    })),
    why: told.why,
    evidence: { ...rest, scopes: scopes.filter(hasSomething) },
  };
}

/** Return the share of ended half-opens that expired; null if none ended. */
function expiry({ ended }: Scope): number | null {
  const all = OUTCOMES.reduce((sum, outcome) => sum + ended[outcome], 0);
  return all === 0 ? null : ended.expired / all;
}

/** Return whether there was any activity. */
export function hasSomething(scope: Scope): boolean {
  return (
    answered(scope) + cameToNothing(scope) + scope.cookies + scope.drops > 0 ||
    (scope.queue?.peak ?? 0) > 0 ||
    (scope.accept?.last ?? 0) > 0
  );
}
