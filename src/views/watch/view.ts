import type { Point, Session } from '../../aggregate/session.js';
import type { Listener } from '../../proc/listeners.js';
import type { SourceEvent, SourceInfo } from '../../source/source.js';
import type { Header, Loss } from '../../stream/parser.js';
import { type Host, note } from '../../terminal/host.js';
import { printable } from '../../terminal/text.js';

/** The state at an event, for the views. */
export interface WatchState {
  readonly session: Session;
  info: SourceInfo | null;
  header: Header | null;
  listeners: readonly Listener[] | null;
  waiting: boolean;
  /** Interval between two counts, in ms; null for a capture. */
  readonly interval: number | null;
}

/** A way to show a session. */
export interface View {
  show(event: SourceEvent, point: Point | null): Promise<void>;
  /** End a recorded session that was read to its end. */
  ended?(): Promise<void>;
  close?(): Promise<void>;
}

export function lossWords({ of, lost, lost_total }: Loss): string {
  return `lost ${lost} records of kind ${printable(of)}, ${lost_total} in all`;
}

/** Print events without figures on stderr. */
export function aside(host: Host, event: SourceEvent): Promise<void> {
  if (event.type === 'note') {
    return note(host, event.text);
  }
  if (event.type === 'waiting') {
    return note(host, 'the module was unloaded; waiting for the module');
  }
  if (event.type === 'loss') {
    return note(host, lossWords(event.loss));
  }
  return Promise.resolve();
}

/** Return a time as RFC 3339 in UTC if the clock is known, else null. */
export function timestamp(state: WatchState, point: Point): string | null {
  const ms = Math.round(point.time * 1000);
  return state.header?.clock_offset == null || ms > 8.64e15 ? null : new Date(ms).toISOString();
}

/** Return the local time of day. */
export function clock(time: number): string {
  return new Date(time * 1000).toTimeString().slice(0, 8);
}
