import type { Alert } from '../../aggregate/alert.js';
import type { GroupCounters } from '../../aggregate/group-counters.js';
import type { Grouping, Standing } from '../../aggregate/groups.js';
import type { RecordView } from '../records/view.js';
import type { GroupScene } from './chart.js';

/** The subject of a view of records counted in groups. */
export interface GroupSubject<R> {
  /** The plural of the records: "drops". */
  readonly things: string;
  /** Counters for the available groupings, the requested one first. */
  readonly board: GroupCounters<R>;
  /** Whether to show refused SYNs in addition. */
  readonly withRefused: boolean;
  readonly alert: Alert | null;
  /** Whether rates cover the whole time, and are reported once, at the end. */
  readonly whole: boolean;
}

/** A way to show records counted in groups. */
export interface GroupView<R> extends RecordView<R> {
  /**
   * Show an interval that has ended, or the whole time. The counters hold its records.
   *
   * @param end time of its end, in seconds of stream time
   * @param seconds its length; null if too short for a rate
   */
  interval(end: number, seconds: number | null): void;
}

/** Return the current scene of a grouping, for a picture or a table. */
export function sceneOf<R>(
  { things, board, withRefused, alert, whole }: GroupSubject<R>,
  { grouping, standing }: { readonly grouping: Grouping<R>; readonly standing: Standing },
): GroupScene {
  const { keys, beside } = grouping;
  return {
    things,
    keys: keys.map(({ name }) => name),
    beside: beside.map(({ name }) => name),
    standing,
    lost: board.lost,
    refused: withRefused ? board.refusals.now(whole) : null,
    alert: alert === null ? null : { limit: alert.limit, on: alert.on, reached: alert.reached },
    stopped: !board.counting,
  };
}
