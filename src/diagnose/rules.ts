import { areMostlyOld, type Evidence, FEW, HALF, type Scope } from './evidence.js';

/** What a listener can be in, the worst first. */
export const STATES = ['stuck', 'flood', 'surge', 'busy', 'idle'] as const;
export type State = (typeof STATES)[number];

/** A server that is merely busy completes more than this share of its handshakes. */
const COMPLETES = 0.9;
/** Handshakes a second that come to nothing: fewer are the Internet's everyday noise. */
const MANY = 50;
/** Handshakes a second from which on there is traffic to speak of. */
const SOME = 1;

interface Rule {
  /** As in docs/syn-queue.md. */
  readonly name: string;
  readonly state: State;
  applies(scope: Scope, evidence: Evidence): boolean;
}

/** The first rule that applies to a scope decides. docs/syn-queue.md says why each is so. */
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
    name: 'unanswered',
    state: 'flood',
    applies: (scope) =>
      (completion(scope) ?? 1) < COMPLETES && perSecond(scope, cameToNothing(scope)) >= MANY,
  },
  {
    name: 'old half-opens',
    state: 'flood',
    applies: (scope, evidence) => {
      const { queue, listener } = scope;
      return (
        queue !== null &&
        (listener?.defer_accept ?? 0) === 0 &&
        !mayHaveOverflown(scope, evidence) &&
        (areMostlyOld(queue.old, queue.holds) || queue.stale >= HALF)
      );
    },
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
    applies: (scope, evidence) => refused(scope, evidence) > 0,
  },
  {
    name: 'cookies',
    state: 'surge',
    applies: ({ cookies }, { settings }) => cookies > 0 && settings.tcp_syncookies !== 2,
  },
  {
    name: 'handshakes',
    state: 'busy',
    applies: (scope) => perSecond(scope, answered(scope)) >= SOME,
  },
  { name: 'none of these', state: 'idle', applies: () => true },
];

/** Handshakes that made a connection, those through cookies included. */
export function answered({ completed, cookies_ok }: Scope): number {
  return completed + cookies_ok;
}

/** Handshakes that made none: unanswered, reset, or ended by an ICMP error. */
export function cameToNothing({ unanswered, cookies_unanswered, failed }: Scope): number {
  return unanswered + cookies_unanswered + failed;
}

/** Share of the handshakes decided that made a connection; null if none was decided. */
export function completion(scope: Scope): number | null {
  const decided = answered(scope) + cameToNothing(scope);
  return decided === 0 ? null : answered(scope) / decided;
}

export function perSecond({ seconds }: Scope, count: number): number {
  return seconds > 0 ? count / seconds : 0;
}

/**
 * SYNs turned away. A listener's `drops` count other things too, so they count only while the
 * namespace refuses any.
 */
export function refused({ listener, drops, queue_full, accept_full }: Scope, { totals }: Evidence) {
  const all = (totals.queue_full ?? 0) + (totals.accept_full ?? 0);
  return listener === null ? queue_full + accept_full : Math.min(drops, all);
}

/** The accept queue here may have been full for a moment: answered half-opens then stay queued. */
function mayHaveOverflown({ listener, drops, accept }: Scope, { totals }: Evidence): boolean {
  const somewhere = (totals.accept_full ?? 0) > 0;
  return (accept?.full ?? 0) > 0 || (somewhere && (listener === null || drops > 0));
}

/**
 * Unanswered half-opens of so many seconds a queue over half full keeps; older ones the kernel
 * gives up early. reqsk_timer_handler() (net/ipv4/inet_connection_sock.c, Linux 6.1) lowers the
 * number of SYN-ACKs to two once the queue is eight times what is young, which is what came in the
 * last second. So a flood fills a queue only if it brings an eighth of it a second.
 */
const KEEPS = 8;

/** Half-opens that a queue must have room for, not to be filled by what goes unanswered here. */
export function enough(scope: Scope): number {
  return KEEPS * perSecond(scope, scope.unanswered);
}

/** Seconds until the SYN queue is full if it goes on like this; 0 if it is, null if it never will be. */
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
  /** In a flood: other handshakes are completed at the same time. */
  readonly honest: boolean;
}

export interface Verdict {
  /** The worst. */
  readonly worst: Judged;
  /** Others that are neither idle nor busy, the worst first. */
  readonly also: readonly Judged[];
  /** For monitoring. */
  readonly severity: 'ok' | 'warning' | 'critical';
}

/** Judge every scope and find the worst. Of one state, those with a name come first. */
export function judge(evidence: Evidence): Verdict {
  const judged = evidence.scopes
    .map((scope) => judgeScope(scope, evidence))
    .sort(
      (a, b) =>
        STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
        Number(a.scope.local === null) - Number(b.scope.local === null) ||
        weight(b) - weight(a),
    );
  const [worst, ...others] = judged as [Judged, ...Judged[]];
  return {
    worst,
    also: others.filter(({ state }) => state !== 'idle' && state !== 'busy'),
    severity: severityOf(worst, evidence),
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

/** Return how bad a listener in its state is, compared with others in the same. */
function weight({ scope, state }: Judged): number {
  switch (state) {
    case 'stuck':
      return scope.accept?.last ?? 0;
    case 'flood':
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
    case 'surge':
      return 'warning';
    case 'busy':
    case 'idle':
      return 'ok';
    default:
      return state satisfies never;
  }
}
