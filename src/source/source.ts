import type { Listener } from '../proc/listeners.js';
import type { Count, Header, Loss } from '../stream/parser.js';

/** Where figures come from, and what cannot be known there. */
export interface SourceInfo {
  readonly source: 'module' | 'proc' | 'file' | 'stdin';
  /** The path read, or "-" for standard input. */
  readonly from: string;
  /** Figures arrive as they happen; otherwise they were recorded before. */
  readonly live: boolean;
  /** What this source cannot know, in words; empty for the module's stream. */
  readonly notKnown: readonly string[];
}

/** What a source tells, in order. */
export type SourceEvent =
  | { readonly type: 'source'; readonly info: SourceInfo }
  /** A header, or counters that started anew. */
  | { readonly type: 'epoch'; readonly header: Header }
  | { readonly type: 'count'; readonly count: Count }
  | { readonly type: 'loss'; readonly loss: Loss }
  | { readonly type: 'listeners'; readonly listeners: readonly Listener[] }
  /** The module went away; what follows comes after it is back. */
  | { readonly type: 'waiting' }
  /** Something the person should know, for stderr. */
  | { readonly type: 'note'; readonly text: string };

export type Events = AsyncGenerator<SourceEvent, void, void>;

/** What the module itself can know and others cannot, for `notKnown`. */
export const NOT_IN_COUNTERS = ['peaks between two readings'] as const;

export const NOT_IN_PROC = [
  'how half-opens ended (completed, expired, reset ...)',
  'limits of the SYN queues',
  'peaks between two readings',
] as const;
