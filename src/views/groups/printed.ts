import { cutTo } from '../../aggregate/groups.js';
import type { Loss } from '../../stream/parser.js';
import type { Host } from '../../terminal/host.js';
import { jsonText } from '../../terminal/printable.js';
import { Pending } from '../ordered-output.js';
import { lossObject } from '../records/lines.js';
import { groupLines } from './chart.js';
import { type GroupSubject, type GroupView, sceneOf } from './view.js';

/**
 * Maximum number of printed groups. The others are added up, together with the groups without a
 * record in the interval.
 */
const MOST_ROWS = 50;

/** Common parts of tables and objects. */
abstract class Printed<R> extends Pending implements GroupView<R> {
  /** @param stamp returns a stream time as RFC 3339; null if the clock is not known */
  constructor(
    host: Host,
    protected readonly subject: GroupSubject<R>,
    protected readonly stamp: (time: number) => string | null,
  ) {
    super(host);
  }

  abstract interval(end: number, seconds: number | null): void;

  protected scene() {
    const groups = this.subject.board.groups[0];
    const standing = groups.standing();
    const active = standing.groups.filter(({ interval }) => interval > 0).length;
    return sceneOf(this.subject, {
      grouping: groups.grouping,
      standing: cutTo(standing, Math.min(active, MOST_ROWS)),
    });
  }
}

/** Prints a table per interval, with an empty line between two. */
export class GroupTables<R> extends Printed<R> {
  #printed = false;

  override interval(end: number): void {
    const { out } = this.host;
    if (this.#printed) {
      this.line('');
    }
    this.#printed = true;
    const columns = out.tty ? out.columns : undefined;
    const time = this.stamp(end) ?? end.toFixed(3);
    for (const line of groupLines(this.scene(), time, columns)) {
      this.line(line);
    }
  }
}

/** Prints an object per interval, and one for each loss, in order. */
export class GroupObjects<R> extends Printed<R> {
  override interval(end: number, seconds: number | null): void {
    const { things, board, alert } = this.subject;
    const { standing, keys, beside, lost, refused } = this.scene();
    const { all, groups, others, left, error } = standing;
    this.line(
      jsonText({
        event: things,
        time: this.stamp(end),
        stream_time: rounded(end),
        seconds: rounded(seconds),
        by: board.groups[0].grouping.by,
        [things]: all.interval,
        per_second: rounded(all.rate),
        total: all.total,
        lost,
        ...(this.subject.withRefused
          ? {
              refused_syns: refused?.total ?? null,
              refused_syns_per_second: rounded(refused?.rate ?? null),
            }
          : {}),
        ...(alert === null ? {} : { alert: alert.on }),
        groups: groups.map((group) => ({
          ...Object.fromEntries(keys.map((name, i) => [name, group.keys[i]])),
          [things]: group.interval,
          per_second: rounded(group.rate),
          total: group.total,
          at_most: group.total + error,
          ...Object.fromEntries(beside.map((name, i) => [`${name}s`, group.beside[i]])),
        })),
        left_out: { groups: left, [things]: others.interval, total: others.total },
        total_error: error,
      }),
    );
  }

  override loss(loss: Loss): void {
    this.line(jsonText(lossObject(loss)));
    super.loss(loss);
  }
}

/** Round to six places: more are noise of a double. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1e6) / 1e6;
}
