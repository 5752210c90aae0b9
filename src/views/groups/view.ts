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
  /** Show refused SYNs in addition. */
  readonly withRefused: boolean;
  readonly alert: Alert | null;
  /** Rates cover the whole time, and are shown once at the end. */
  readonly whole: boolean;
}

/** A way to show records counted in groups. */
export interface GroupView<R> extends RecordView<R> {
  /**
   * End an interval, or the whole time; the counters hold its records.
   *
   * @param end in seconds of stream time
   * @param seconds of its length; null if too few for a rate
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
