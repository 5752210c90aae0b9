import type { Alert } from '../../aggregate/alert.js';
import type { GroupCounters } from '../../aggregate/group-counters.js';
import type { Grouping, Standing } from '../../aggregate/groups.js';
import type { RecordView } from '../records/view.js';
import type { GroupScene } from './chart.js';

/** What is shown of records counted in groups. */
export interface GroupSubject<R> {
  /** What they are called: "drops". */
  readonly things: string;
  /** With the groupings that can be switched to, first the one asked for. */
  readonly board: GroupCounters<R>;
  /** SYNs refused are told beside them. */
  readonly withRefused: boolean;
  readonly alert: Alert | null;
  /** What is per second is of the whole time, told once at the end. */
  readonly whole: boolean;
}

/** One way to show records counted in groups. */
export interface GroupView<R> extends RecordView<R> {
  /**
   * An interval is over, or the whole time; what was counted in it stands on the board.
   *
   * @param end in seconds of stream time
   * @param seconds that it took; null for too few to tell a rate from
   */
  interval(end: number, seconds: number | null): void;
}

/** A grouping as it stands, for a picture or a table. */
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
