import type { Evidence, Scope } from '../../src/diagnose/evidence.js';
import type { Listener } from '../../src/proc/listeners.js';

/** Return an idle listener. */
export function listener(own: Partial<Listener> = {}): Listener {
  return {
    local: '0.0.0.0:443',
    inode: 1,
    uid: 0,
    qlen: 0,
    young: 0,
    holds: 129,
    accept_qlen: 0,
    backlog: 128,
    defer_accept: 0,
    drops: 0,
    warned: false,
    ...own,
  };
}

/** Return four judged seconds without an event. */
export function scope(own: Partial<Scope> = {}): Scope {
  return {
    local: '0.0.0.0:443',
    seconds: 4,
    completed: 0,
    unanswered: 0,
    failed: 0,
    failed_within: 0,
    sources: null,
    refused_sources: null,
    ended: { completed: 0, expired: 0, reset: 0, unreachable: 0, closed: 0, other: 0 },
    cookies: 0,
    cookies_ok: 0,
    cookies_unanswered: 0,
    drops: 0,
    queue_full: 0,
    accept_full: 0,
    refused_other: 0,
    queue: { qlen: 0, holds: 129, peak: 0, old: 0, stale: 0 },
    accept: {
      inode: 1,
      sockets: 1,
      first: 0,
      last: 0,
      backlog: 128,
      readings: 20,
      full: 0,
      shrank: false,
    },
    listener: listener(),
    warned_before: false,
    ...own,
  };
}

export function evidence(scopes: readonly Scope[], own: Partial<Evidence> = {}): Evidence {
  return {
    seconds: 5,
    half_open: 0,
    peak: 0,
    totals: {},
    scopes,
    sources: null,
    completed_before: null,
    events: true,
    syns: false,
    lost: 0,
    turns: 0,
    settings: { somaxconn: 4096, tcp_max_syn_backlog: 4096, tcp_syncookies: 1 },
    ...own,
  };
}
