import type { Listener } from '../proc/listeners.js';
import type { Count, Header, Loss } from '../stream/parser.js';

/** The source of figures, and its limits. */
export interface SourceInfo {
  readonly source: 'module' | 'proc' | 'file' | 'stdin';
  /** The path read, or "-" for standard input. */
  readonly from: string;
  /** Whether figures arrive as they happen; if not, they were recorded earlier. */
  readonly live: boolean;
  /** Facts that this source cannot know; empty for the module's stream. */
  readonly notKnown: readonly string[];
}

/** The events of a source, in order. */
export type SourceEvent =
  | { readonly type: 'source'; readonly info: SourceInfo }
  /** A header, or counters that restarted. */
  | { readonly type: 'epoch'; readonly header: Header }
  | { readonly type: 'count'; readonly count: Count }
  | { readonly type: 'loss'; readonly loss: Loss }
  | { readonly type: 'listeners'; readonly listeners: readonly Listener[] }
  /** The module was unloaded. Later events come after it is loaded again. */
  | { readonly type: 'waiting' }
  /** A message for the user, on stderr. */
  | { readonly type: 'note'; readonly text: string };

export type Events = AsyncGenerator<SourceEvent, void, void>;

/** Facts that only the module's stream has, for `notKnown`. */
export const NOT_IN_COUNTERS = ['peaks between two readings'] as const;

export const NOT_IN_PROC = [
  'how half-opens ended (completed, expired, reset ...)',
  'limits of the SYN queues',
  'peaks between two readings',
] as const;
