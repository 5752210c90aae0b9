import { Trace } from '../aggregate/trace.js';
import { Failure } from '../failure.js';
import { type Namespace, openNamespace } from '../proc/namespace.js';
import { type Bytes, openCapture, openModuleStream } from '../source/bytes.js';
import { Damage } from '../source/damage.js';
import { isLive } from '../source/input.js';
import { readBatches } from '../stream/reader.js';
import { AS_RECORDED, OF_OUR_OWN } from '../stream/srtt.js';
import { type Host, note } from '../terminal/host.js';
import { count, seconds } from '../terminal/text.js';
import { TraceJson, TraceLines } from '../views/trace/lines.js';
import { LONGEST_SPAN, TraceScreen } from '../views/trace/live.js';
import type { TraceSubject, TraceView } from '../views/trace/view.js';
import { checkInput, refuse, wantedOf } from './options.js';
import type { TraceOptions } from './trace.options.js';

const DEFAULT_INTERVAL = 1000;

/** Run `tcpsynq trace`: show cwnd and srtt of connections as they are sampled. */
export async function trace(host: Host, options: TraceOptions): Promise<void> {
  check(options);
  const { input } = options;
  const namespace = isLive(input) ? await openNamespace(options.netns) : null;
  try {
    await follow(host, await open(host, options, namespace), options);
  } finally {
    namespace?.close();
  }
}

function check(options: TraceOptions): void {
  const { input } = options;
  checkInput(options, null);
  const asked = (['full', 'hook'] as const).find((name) => options[name] !== undefined);
  refuse({
    'trace takes samples from the module or a capture: -i proc has none': input === 'proc',
    '--each and --interval exclude each other': options.each && options.interval !== undefined,
    [`--${asked} has no meaning for a capture: it holds what was recorded`]:
      asked !== undefined && !isLive(input),
  });
}

async function open(
  host: Host,
  options: TraceOptions,
  namespace: Namespace | null,
): Promise<Bytes> {
  if (namespace === null) {
    return openCapture(options.input, options, () => host.stdin(), host.signal);
  }
  const { port, addr, full, hook, interval = DEFAULT_INTERVAL } = options;
  // The counts carry the time while nothing is sampled.
  const filter = {
    kinds: 'count,sample',
    interval_ms: interval,
    port,
    addr,
    full: full ? (1 as const) : undefined,
    hook,
  };
  return openModuleStream(namespace, filter, host.signal);
}

/** Feed the trace. Return false if it was done, or stopped, before its input ended. */
async function pump(
  chunks: AsyncIterable<Buffer>,
  trace: Trace,
  view: TraceView,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const batch of readBatches(chunks, signal)) {
    batch.to(trace);
    await view.flush();
    if (trace.done || signal.aborted) {
      break;
    }
  }
  if (trace.done || signal.aborted) {
    trace.finish();
    return false;
  }
  trace.end();
  return true;
}

async function follow(host: Host, bytes: Bytes, options: TraceOptions): Promise<void> {
  const { info, name, chunks } = bytes;
  const whole = !info.live;
  let view: TraceView | null = null;
  const trace = new Trace(
    {
      wanted: wantedOf(options),
      most: options.connections,
      until: options.count,
      interval: (options.interval ?? DEFAULT_INTERVAL) / 1000,
      keep: whole ? Number.POSITIVE_INFINITY : LONGEST_SPAN,
    },
    {
      isFull: () => view?.isFull === true,
      sample: (connection, row) => view?.sample?.(connection, row),
      interval: (end, length, seen) => view?.interval?.(end, length, seen),
      loss: (loss) => view?.loss(loss),
      problem() {
        if (trace.problems.count === 1) {
          view?.note(`skipped ${trace.problems.words}`);
        }
      },
    },
  );
  const subject: TraceSubject = {
    trace,
    info,
    unit: () => (trace.microseconds === false ? (options.srttUnit ?? AS_RECORDED) : OF_OUR_OWN),
  };
  const shown = viewFor(host, options, subject, whole);
  view = shown;
  const damage = new Damage();
  try {
    const ended = await pump(damage.before(chunks), trace, shown, host.signal);
    if (ended && trace.samples === 0) {
      damage.report();
      throw new Failure(nothing(name, trace));
    }
    await shown.flush();
    if (ended && !host.signal.aborted) {
      await shown.ended?.();
    }
  } finally {
    await shown.close?.();
  }
  if (!host.out.closed) {
    await note(host, summary(trace));
    if (options.srttUnit !== undefined && trace.microseconds === true) {
      await note(host, `--srtt-unit changed nothing: ${name} has no lines of tcp_probe`);
    }
    if (trace.problems.count > 1) {
      await note(host, `skipped ${trace.problems.count} lines of ${name} in all`);
    }
  }
  damage.report();
}

function viewFor(
  host: Host,
  options: TraceOptions,
  subject: TraceSubject,
  whole: boolean,
): TraceView {
  const each = options.each === true;
  if (options.json) {
    return new TraceJson(host, subject, each);
  }
  return host.out.steerable && !each
    ? new TraceScreen(host, subject, whole)
    : new TraceLines(host, subject, each);
}

function nothing(name: string, { connections, problems }: Trace): string {
  return connections.passedOver > 0
    ? `none of the ${connections.passedOver} samples in ${name} is of a connection asked for`
    : `${name} holds no samples${problems.why}`;
}

function summary({ connections, samples, seconds: length, lost }: Trace): string {
  const { size, forgotten } = connections;
  return [
    `${count(samples, 'sample')} of ${count(size + forgotten, 'connection')} in ${seconds(length)}`,
    ...(forgotten > 0 ? [`forgot ${count(forgotten, 'connection')}, not seen for longest`] : []),
    ...(lost > 0 ? [`lost ${count(lost, 'sample')}`] : []),
  ].join(', ');
}
