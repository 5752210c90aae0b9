import { type HalfOpen, HalfOpenReader } from '../aggregate/half-open.js';
import { Tally } from '../aggregate/tally.js';
import { OUTCOMES } from '../stream/counters.js';
import type { Host } from '../terminal/host.js';
import { percent, seconds } from '../terminal/text.js';
import { halfOpenForm } from '../views/events/form.js';
import { LiveTally } from '../views/events/live.js';
import { Printed } from '../views/events/printed.js';
import { handshakesOf, topOf } from '../views/events/tally.js';
import { RecordJson, RecordLines } from '../views/records/lines.js';
import type { RecordSource, RecordView } from '../views/records/view.js';
import type { EventsOptions } from './events.options.js';
import { refuse } from './options.js';
import { captureFilter, checkRecords, isWhole, type RecordPlan, readRecords } from './records.js';

/** Run `tcpsynq events`: show half-opens as they are added and removed, or their totals. */
export async function events(host: Host, options: EventsOptions): Promise<void> {
  check(options);
  await readRecords(host, options, { kinds: 'count,event' }, (reading) =>
    planOf(host, options, reading),
  );
}

function check(options: EventsOptions): void {
  const { top, handshake } = options;
  checkRecords(options, 'events');
  const hasInterval = options.interval !== undefined;
  refuse({
    '--top and --handshake exclude each other': top && handshake,
    '--handshake is of those completed: --outcome has no meaning there':
      handshake && options.outcome !== undefined,
    '--interval goes with --top or --handshake: events come as they happen':
      hasInterval && !top && !handshake,
    '--interval has no meaning for a capture: it is read at once': hasInterval && isWhole(options),
  });
}

function planOf(host: Host, options: EventsOptions, reading: RecordSource): RecordPlan<HalfOpen> {
  const { outcome } = options;
  const reader = new HalfOpenReader();
  const tally = new Tally(outcome !== undefined);
  const wanted = captureFilter(options);
  let halfOpen: number | null = null;
  const view = viewFor(host, options, reading, tally, () => halfOpen);
  return {
    kind: 'event',
    view,
    read: (row) => reader.read(row),
    take(event) {
      if (
        (outcome !== undefined && !outcome.some((one) => one === event.outcome)) ||
        !wanted(event)
      ) {
        return false;
      }
      tally.add(event, reading.header?.clock_offset ?? 0);
      view.record?.(event);
      return true;
    },
    begin({ starts }) {
      if (starts) {
        reader.forget();
      }
    },
    count({ half_open }) {
      halfOpen = half_open;
    },
    loss(loss) {
      tally.lost += loss.lost;
      view.loss(loss);
    },
    summary: () => summary(tally, options),
  };
}

function viewFor(
  host: Host,
  options: EventsOptions,
  reading: RecordSource,
  tally: Tally,
  halfOpen: () => number | null,
): RecordView<HalfOpen> {
  const { json = false, top, handshake, interval = null } = options;
  if (!top && !handshake) {
    return new (json ? RecordJson : RecordLines)(host, reading, halfOpenForm());
  }
  const subject = handshake ? handshakesOf(tally) : topOf(tally, halfOpen);
  return host.out.steerable && !json
    ? new LiveTally(host, subject, reading, interval)
    : new Printed(host, subject, json, interval);
}

/** Return the totals, in one line. */
function summary({ all, seconds: length, lost }: Tally, { outcome }: EventsOptions): string {
  const shares = OUTCOMES.filter((one) => all.outcomes[one] > 0).map(
    (one) => `${one} ${all.outcomes[one]} (${percent(all.outcomes[one] / all.removed)})`,
  );
  const added = outcome === undefined ? `added ${all.added}, ` : '';
  return [
    `${added}removed ${all.removed} in ${seconds(length)}`,
    ...shares,
    ...(lost > 0 ? [`lost ${lost}`] : []),
  ].join(', ');
}
