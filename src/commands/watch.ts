import { type Point, Session } from '../aggregate/session.js';
import { openNamespace } from '../proc/namespace.js';
import { Damage } from '../source/damage.js';
import { isLive } from '../source/input.js';
import { live, recorded } from '../source/select.js';
import type { SourceEvent } from '../source/source.js';
import { type CounterName, OUTCOMES, refused } from '../stream/counters.js';
import { type Host, note } from '../terminal/host.js';
import { count, percent, seconds } from '../terminal/text.js';
import { JsonView } from '../views/watch/json.js';
import { LinesView } from '../views/watch/lines.js';
import { LiveView, LONGEST_SPAN } from '../views/watch/live.js';
import { sparkView } from '../views/watch/spark.js';
import type { View, WatchState } from '../views/watch/view.js';
import { checkInput, refuse } from './options.js';
import type { WatchOptions } from './watch.options.js';

const DEFAULT_INTERVAL = 1000;

/** Run `tcpsynq watch`: show the half-open count over time, until stopped or the input ends. */
export async function watch(host: Host, options: WatchOptions): Promise<void> {
  const { input } = options;
  check(options);
  const interval = options.interval ?? DEFAULT_INTERVAL;
  const namespace = isLive(input) ? await openNamespace(options.netns) : null;
  const isRecorded = namespace === null;
  const whole = isRecorded && !options.follow && options.speed === undefined && input !== '-';
  const state: WatchState = {
    session: new Session(whole ? Number.POSITIVE_INFINITY : LONGEST_SPAN),
    info: null,
    header: null,
    listeners: null,
    waiting: false,
    interval: isRecorded ? null : interval,
  };
  const view = viewFor(host, options, state, whole);
  const damage = new Damage();
  const events =
    namespace !== null && isLive(input)
      ? live(input, {
          namespace,
          interval,
          listeners: options.json === true || view instanceof LiveView,
          signal: host.signal,
        })
      : damage.before(recorded(input, options, () => host.stdin(), host.signal));
  try {
    for await (const event of events) {
      await view.show(event, fold(state, event));
      if (state.session.counts === options.count || host.signal.aborted) {
        break;
      }
    }
    if (!host.signal.aborted && options.count === undefined) {
      await view.ended?.();
    }
  } finally {
    await view.close?.();
    namespace?.close();
  }
  await end(host, state.session, damage);
}

/** Print the summary, then report damage of the input. */
async function end(host: Host, session: Session, damage: Damage): Promise<void> {
  if (session.counts === 0) {
    damage.report();
  }
  if (!host.out.closed) {
    await note(host, summary(session));
  }
  damage.report();
}

/** Refuse options that exclude each other. */
function check(options: WatchOptions): void {
  checkInput(options, null);
  refuse({
    '--interval has no meaning for a capture: its counts come as they were recorded':
      options.interval !== undefined && !isLive(options.input),
    '--spark and --json exclude each other': options.spark && options.json,
  });
}

function fold(state: WatchState, event: SourceEvent): Point | null {
  const { session } = state;
  switch (event.type) {
    case 'source':
      state.info = event.info;
      return null;
    case 'epoch':
      state.header = event.header;
      state.waiting = false;
      session.startEpoch();
      return null;
    case 'listeners':
      state.listeners = event.listeners;
      return null;
    case 'waiting':
      state.waiting = true;
      state.listeners = null;
      return null;
    case 'count':
      return session.add(event.count, state.header?.clock_offset ?? 0);
    case 'loss':
    case 'note':
      return null;
    default:
      return event satisfies never;
  }
}

function viewFor(host: Host, options: WatchOptions, state: WatchState, whole: boolean): View {
  if (options.json) {
    return new JsonView(host, state);
  }
  if (options.spark) {
    return sparkView(host, state);
  }
  return host.out.steerable ? new LiveView(host, state, whole) : new LinesView(host, state);
}

/** Return the totals, in one line. */
function summary(session: Session): string {
  const { latest, totals, peak, counts } = session;
  if (latest === null) {
    return 'no counts were read';
  }
  const length = session.seconds;
  const ended = OUTCOMES.reduce((sum, outcome) => sum + (totals[outcome] ?? 0), 0);
  const outcomes = OUTCOMES.filter((outcome) => (totals[outcome] ?? 0) > 0).map(
    (outcome) => `${outcome} ${totals[outcome]} (${percent((totals[outcome] ?? 0) / ended)})`,
  );
  const rest = (['cookies', 'missed', 'lost'] as const satisfies readonly CounterName[])
    .filter((name) => (totals[name] ?? 0) > 0)
    .map((name) => `${name} ${totals[name]}`);
  const turnedAway = refused(totals) ?? 0;
  return [
    `${count(counts, 'count')} in ${seconds(length)}: half-open ${latest.figures.half_open}, peak ${peak}`,
    ...outcomes,
    ...rest,
    ...(turnedAway > 0 ? [`refused ${turnedAway}`] : []),
  ].join(', ');
}
