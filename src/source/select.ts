import type { Readable } from 'node:stream';
import { errno, Failure, inWords, LOAD_IT } from '../failure.js';
import { isLoaded, moduleFiles, readListeners, readStat } from '../proc/module.js';
import { expectThere, type Namespace } from '../proc/namespace.js';
import { readProcFigures } from '../proc/sockets.js';
import { type Count, EMPTY_HEADER, type Header } from '../stream/parser.js';
import { type CaptureReading, openCapture } from './bytes.js';
import { Damage } from './damage.js';
import type { LiveInput } from './input.js';
import { decode, LineTally } from './lines.js';
import { duration, pause, stretched } from './pace.js';
import { type Events, NOT_IN_COUNTERS, NOT_IN_PROC, type SourceEvent } from './source.js';
import { openTap, type Tap } from './tap.js';

/** Delay between two checks whether the module is back, in ms. */
const PATIENCE = 500;
/** Minimum interval between two walks over the listeners, in ms. */
const LISTENERS_EVERY = 450;

export interface LiveOptions {
  readonly namespace: Namespace;
  /** Interval between two counts, in ms. */
  readonly interval: number;
  /** Whether to report the listeners' queues too, before a count, if they are known. */
  readonly listeners: boolean;
  readonly signal: AbortSignal;
}

/** Read the counts of a capture, from a file or standard input. */
export async function* recorded(
  input: string,
  reading: CaptureReading,
  stdin: () => Readable,
  signal: AbortSignal,
): Events {
  const { info, name, chunks } = openCapture(input, reading, stdin, signal);
  const tally = new LineTally();
  yield { type: 'source', info };
  const damage = new Damage();
  yield* damage.before(decode(chunks, signal, tally));
  if (tally.records === 0 && !signal.aborted) {
    damage.report();
    throw new Failure(`${name} holds no tcpsynq records${tally.problems.why}`);
  }
  if (tally.problems.count > 1) {
    yield { type: 'note', text: `skipped ${tally.problems.count} lines of ${name} in all` };
  }
  damage.report();
}

/**
 * Read this host now: the module's stream, else its counters, else (for `auto`) the kernel's own
 * files. If the module is unloaded, wait for it to come back.
 */
export async function* live(input: LiveInput, wanted: LiveOptions): Events {
  if (input === 'proc') {
    yield* fromProc(wanted, null);
    return;
  }
  for (let waited = false; !wanted.signal.aborted; waited = true) {
    const opened = await openModule(wanted);
    if (typeof opened !== 'string') {
      yield* opened;
    } else if (!waited && input === 'auto') {
      yield* fromProc(wanted, opened);
      return;
    } else if (!waited) {
      throw new Failure(`${opened}: ${LOAD_IT}`);
    }
    if (wanted.signal.aborted) {
      return;
    }
    await expectThere(wanted.namespace);
    if (!waited || typeof opened !== 'string') {
      yield { type: 'waiting' };
    }
    await pause(PATIENCE, wanted.signal);
  }
}

/** Return the module's events, or why there are none. */
async function openModule(wanted: LiveOptions): Promise<Events | string> {
  const files = moduleFiles(wanted.namespace);
  try {
    return fromStream(
      await openTap(wanted.namespace, { kinds: 'count', interval_ms: wanted.interval }),
      wanted,
    );
  } catch (error) {
    if (error instanceof Failure) {
      throw error;
    }
    if (!isLoaded(wanted.namespace)) {
      return 'the tcpsynq module is not loaded';
    }
    const reason = errno(error) === 'ENOENT' ? 'it is not there' : inWords(error);
    return fromCounters(wanted, `cannot open ${files.stream} (${reason}): reading ${files.stat}`);
  }
}

async function* fromStream(tap: Tap, wanted: LiveOptions): Events {
  const from = moduleFiles(wanted.namespace).stream;
  yield { type: 'source', info: { source: 'module', from, live: true, notKnown: [] } };
  const tally = new LineTally();
  const listeners = listenersOf(wanted);
  for await (const event of decode(tap.chunks(wanted.signal), wanted.signal, tally)) {
    if (event.type === 'count') {
      yield* listeners();
    }
    yield event;
  }
}

async function* fromCounters(wanted: LiveOptions, why: string): Events {
  const notKnown = NOT_IN_COUNTERS;
  yield { type: 'note', text: `${why}; not known there: ${notKnown.join(', ')}` };
  const from = moduleFiles(wanted.namespace).stat;
  yield { type: 'source', info: { source: 'module', from, live: true, notKnown } };
  const listeners = listenersOf(wanted);
  let added = Number.POSITIVE_INFINITY;
  const readings = readEvery(wanted, async () => {
    const { figures } = await readStat(wanted.namespace);
    return figures;
  });
  try {
    for await (const event of readings) {
      if (event.type === 'count') {
        const now = event.count.figures.added ?? 0;
        if (now < added && added !== Number.POSITIVE_INFINITY) {
          const start = Date.now() / 1000 - event.count.time;
          yield { type: 'epoch', header: ownHeader(wanted.namespace, start) };
        }
        added = now;
        yield* listeners();
      }
      yield event;
    }
  } catch (error) {
    // If a reading succeeded before, this failure means that the module was unloaded.
    if (added === Number.POSITIVE_INFINITY) {
      throw error;
    }
  }
}

async function* fromProc(wanted: LiveOptions, why: string | null): Events {
  const from = `${wanted.namespace.net}/{tcp,tcp6,netstat}`;
  yield {
    type: 'note',
    text: `${why === null ? '' : `${why}: `}reading ${from}; not known there: ${NOT_IN_PROC.join(', ')}`,
  };
  yield { type: 'source', info: { source: 'proc', from, live: true, notKnown: NOT_IN_PROC } };
  yield* readEvery(wanted, () => readProcFigures(wanted.namespace, wanted.signal));
}

/** Take a reading per interval, less often if a reading takes more than a tenth of it. */
async function* readEvery(
  { interval, namespace, signal }: LiveOptions,
  read: () => Promise<Count['figures'] & { readonly half_open: number }>,
): Events {
  const start = performance.now();
  yield { type: 'epoch', header: ownHeader(namespace, Date.now() / 1000) };
  let due = start;
  let told = interval;
  let costBefore = 0;
  while (!signal.aborted) {
    const before = performance.now();
    const figures = await read();
    if (signal.aborted) {
      return;
    }
    const after = performance.now();
    yield {
      type: 'count',
      count: {
        kind: 'C',
        time: Math.round((after - start) * 1000) / 1e6,
        half_open: figures.half_open,
        figures,
      },
    };
    // Use the lower cost of the last two readings: a single slow one, like the first, may be due to
    // a busy moment.
    const cost = Math.min(costBefore, after - before);
    costBefore = after - before;
    const every = stretched(interval, cost);
    // Report a longer interval once, and again only if it has more than doubled.
    if (every > (told === interval ? interval : 2 * told)) {
      told = every;
      const text = `one reading takes ${duration(cost)}: reading every ${duration(every)}, not every ${duration(interval)}`;
      yield { type: 'note', text };
    }
    due = Math.max(due + every, performance.now());
    await pause(due - performance.now(), signal);
  }
}

function ownHeader(namespace: Namespace, clock_offset: number): Header {
  return { ...EMPTY_HEADER, netns: namespace.inode, clock_offset };
}

/**
 * Return a function that reports the listeners when called. It skips calls that come faster than a
 * person can see, or that would take more than a tenth of the time.
 */
function listenersOf(wanted: LiveOptions): () => AsyncGenerator<SourceEvent, void, void> {
  let due = 0;
  return async function* () {
    const before = performance.now();
    if (!wanted.listeners || before < due) {
      return;
    }
    const listeners = await readListeners(wanted.namespace).catch(() => null);
    due = before + stretched(LISTENERS_EVERY, performance.now() - before);
    if (listeners !== null) {
      yield { type: 'listeners', listeners };
    }
  };
}
