import { Alert } from '../aggregate/alert.js';
import { GroupCounters } from '../aggregate/group-counters.js';
import type { Grouping } from '../aggregate/groups.js';
import { Intervals } from '../aggregate/intervals.js';
import { Refusals } from '../aggregate/refusals.js';
import { Clock } from '../stream/clock.js';
import type { Row } from '../stream/row.js';
import type { Host } from '../terminal/host.js';
import { rate } from '../terminal/text.js';
import { GroupScreen } from '../views/groups/live.js';
import { GroupObjects, GroupTables } from '../views/groups/printed.js';
import type { GroupSubject, GroupView } from '../views/groups/view.js';
import { type Form, RecordJson, RecordLines } from '../views/records/lines.js';
import type { Stacked } from '../views/records/stack.js';
import type { RecordSource } from '../views/records/view.js';
import { refuse } from './options.js';
import {
  captureFilter,
  type Ends,
  isFiltered,
  isWhole,
  type RecordOptions,
  type RecordPlan,
} from './records.js';

/** The options of the commands that show records one by one, or counted in groups. */
export interface CountedOptions extends RecordOptions {
  /** The name of the grouping. */
  readonly by?: string;
  /** In ms of stream time; undefined if not given. */
  readonly interval?: number;
  /** Whether to show the kernel stack of each record. */
  readonly stack?: boolean;
  /** Records per second that raise an alert. */
  readonly alert?: number;
}

/** A kind of record that can be counted. */
export interface Countable<R> {
  readonly kind: 'drop' | 'close';
  /** Whether to show the records one by one. */
  readonly each: boolean;
  readonly form: Form<R>;
  /** The available groupings, the default first. */
  readonly groupings: readonly [Grouping<R>, ...Grouping<R>[]];
  /** Whether to show refused SYNs in addition. */
  readonly withRefused: boolean;
  read(row: Row): R | string;
  /** Filter in addition to the connection filter. */
  wanted(record: R): boolean;
  /** Called after a record was accepted. */
  taken?(record: R): void;
  /** Return the totals, in one line. */
  summary(seen: Seen): string;
}

/**
 * The totals of the whole run. They do not depend on the keyboard's keys that stop or reset the
 * table.
 */
export interface Seen {
  readonly records: number;
  /** Seconds from the first line that has a time to the last. */
  readonly seconds: number;
  readonly lost: number;
  /** SYNs refused in the same time. */
  readonly refused: number;
  readonly alert: Alert | null;
}

const DEFAULT_INTERVAL = 1000;

/** Return the interval in force, in ms. */
export function intervalOf({ interval = DEFAULT_INTERVAL }: CountedOptions): number {
  return interval;
}

/** Refuse options that would silently have no effect. */
export function checkCounted({ stack, interval, alert }: CountedOptions, each: boolean): void {
  refuse({
    '--stack shows the stack of each: a table has no room for them': stack && !each,
    '--interval goes with a table: one by one they come as they happen':
      interval !== undefined && each && alert === undefined,
  });
}

/** Show records one by one, or in groups. */
export function planCounted<R extends Ends & Stacked>(
  host: Host,
  options: CountedOptions,
  reading: RecordSource,
  countable: Countable<R>,
): RecordPlan<R> {
  const { kind, each } = countable;
  const length = intervalOf(options) / 1000;
  const clock = new Clock();
  const shift = () => (reading.header === null ? 0 : clock.shift(reading.header));
  const stamp = (time: number) => clock.date(time)?.toISOString() ?? null;
  const alert = options.alert === undefined ? null : new Alert(options.alert, length);
  const subject = subjectOf(host, options, countable, alert);
  const { board, whole } = subject;
  const table = each ? null : tableFor(host, options, subject, reading, stamp);
  const view =
    table ?? new (options.json ? RecordJson : RecordLines)(host, reading, countable.form);
  const isWanted = captureFilter(options);
  const refusals = new Refusals();
  let [records, lost, stacks] = [0, 0, 0];
  /** Records in the current interval. */
  let recent = 0;
  let told = false;
  const intervals = new Intervals(length, (end, seconds) => {
    const turned = alert?.judge(recent) ?? null;
    // Do not show an empty rest: the stream continues for a moment after the last count.
    const isRest = seconds === null && recent === 0 && told;
    recent = 0;
    if (alert !== null && turned !== null) {
      const how = alert.on ? 'reached' : 'fell to';
      const when = stamp(end) ?? `${end.toFixed(3)} s`;
      const text = `${kind}s ${how} ${rate(turned, false)}/s by ${when}: --alert ${alert.limit}`;
      view.note(text, `alert ${how}`);
    }
    if (!whole && !isRest) {
      told = true;
      board.turn(seconds);
      table?.interval(end, seconds);
    }
  });
  return {
    kind,
    view,
    read: (row) => countable.read(row),
    take(record) {
      if (!isWanted(record) || !countable.wanted(record)) {
        return false;
      }
      records += 1;
      recent += 1;
      stacks += record.stack === null ? 0 : 1;
      if (table !== null) {
        board.add(record);
      }
      view.record?.(record);
      countable.taken?.(record);
      return true;
    },
    reach: (time) => intervals.reach(time + shift()),
    begin({ starts }) {
      if (starts) {
        intervals.restart();
        board.refusals.skip();
        refusals.skip();
      }
    },
    count(count) {
      board.count(count, shift());
      refusals.count(count, shift());
    },
    loss(loss) {
      lost += loss.lost;
      // If this command filters a capture itself, it does not know whether a lost record would
      // match.
      recent += isFiltered(options) ? 0 : loss.lost;
      board.lose(loss.lost);
      view.loss(loss);
    },
    finish() {
      intervals.finish();
      if (whole) {
        const seconds = intervals.seconds > 0 ? intervals.seconds : null;
        board.turn(seconds);
        table?.interval(intervals.now, seconds);
      }
      if (options.stack && records > 0 && stacks === 0) {
        view.note(
          `no ${kind} has a stack: record them with \`tcpsynq capture --kinds count,${kind} --stack FILE\``,
        );
      }
      if (alert?.reached) {
        host.status = 1;
      }
    },
    summary: () =>
      countable.summary({
        records,
        seconds: intervals.seconds,
        lost,
        refused: refusals.now(true)?.total ?? 0,
        alert,
      }),
  };
}

function subjectOf<R>(
  host: Host,
  options: CountedOptions,
  { kind, groupings, withRefused }: Countable<R>,
  alert: Alert | null,
): GroupSubject<R> {
  const { by, interval, json } = options;
  const first = groupings.find((one) => one.by === by) ?? groupings[0];
  const isScreen = host.out.steerable && !json;
  // Only a screen can switch to the other groupings.
  const rest = isScreen ? groupings.filter((one) => one !== first) : [];
  return {
    things: `${kind}s`,
    board: new GroupCounters([first, ...rest]),
    withRefused,
    alert,
    whole: !json && interval === undefined && (!isScreen || isWhole(options)),
  };
}

function tableFor<R>(
  host: Host,
  { json }: CountedOptions,
  subject: GroupSubject<R>,
  reading: RecordSource,
  stamp: (time: number) => string | null,
): GroupView<R> {
  if (json) {
    return new GroupObjects(host, subject, stamp);
  }
  return host.out.steerable
    ? new GroupScreen(host, subject, reading)
    : new GroupTables(host, subject, stamp);
}
