import { existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { prepareAppend } from '../capture/append.js';
import { runCommand } from '../capture/child.js';
import { makeFormat } from '../capture/format.js';
import { lockCapture } from '../capture/lock.js';
import { checkPacking, makePacker } from '../capture/pack.js';
import {
  CannotWrite,
  FilePart,
  type Meeting,
  OutputPart,
  refuseForeignLink,
} from '../capture/part.js';
import { Rotated, Single, type Sink } from '../capture/parts.js';
import type { Format } from '../capture/piece.js';
import { Progress } from '../capture/progress.js';
import { withTicks } from '../capture/ticks.js';
import { describe, Failure, Usage } from '../failure.js';
import { type Namespace, openNamespace } from '../proc/namespace.js';
import { type Bytes, openCapture, openModuleStream } from '../source/bytes.js';
import { Damage } from '../source/damage.js';
import { isSame } from '../source/file.js';
import { isLive } from '../source/input.js';
import type { TapFilter } from '../source/tap.js';
import { isKind } from '../stream/columns.js';
import { LETTERS } from '../stream/schema.js';
import { Turn } from '../stream/turn.js';
import { type Host, note } from '../terminal/host.js';
import type { CaptureOptions, FilterOptions } from './capture.options.js';
import { checkInput, refuse } from './options.js';

const MODULE_ONLY = [
  'port',
  'addr',
  'fwmark',
  'full',
  'hook',
  'proto',
  'stack',
  'interval',
] as const satisfies readonly (keyof FilterOptions)[];

/**
 * Maximum delay before a record is read, in ms. It allows large reads, which cost less per record.
 */
const LATENCY = 250;
/** Interval between flushes, in ms. A flush makes all lines so far readable. */
const FLUSH_EVERY = 1000;
/** Maximum number of chunks, of up to 512 KiB each, that wait for the disk or the packer. */
const READ_AHEAD = 32;

/** Run `tcpsynq capture`: write the stream to a file until stopped. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: it opens one thing after another, and each finally closes one of them
export async function capture(
  host: Host,
  file: string,
  command: readonly string[],
  options: CaptureOptions,
): Promise<void> {
  check(host, file, command, options);
  const { input } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([host.signal, stop.signal]);
  const namespace = isLive(input) ? await openNamespace(options.netns) : null;
  try {
    // A repair can take minutes, and an open tap would lose records meanwhile.
    const goesOn = options.append === true && (options.rotate !== undefined || existsSync(file));
    const early = namespace !== null && goesOn ? await openSink(host, file, options) : null;
    const source = await openSource(host, namespace, options, signal).catch(async (error) => {
      await early?.close();
      throw error;
    });
    const letters = options.kinds === undefined ? null : lettersOf(options.kinds);
    const format = makeFormat(options.format, letters, options.count ?? Number.POSITIVE_INFINITY);
    const sink = early ?? (await openSink(host, file, options));
    const timer =
      options.duration === undefined ? undefined : setTimeout(() => stop.abort(), options.duration);
    const alone = command.length === 0 && !(file === '-' && host.out.tty);
    const progress = new Progress(host, format.tally, alone, namespace !== null);
    const forget = host.onProgress(() => void progress.report(sink.size, sink.name));
    const running =
      command.length === 0
        ? null
        : runCommand(host, command, input !== '-').finally(() => stop.abort());
    try {
      const ended = await record(host, source, format, sink, progress, { signal, stop });
      if (ended && namespace !== null) {
        throw new Failure('the module has gone away: what came until then was captured');
      }
      const { records, problems } = format.tally;
      if (ended && records === 0) {
        throw new Failure(`${source.name} holds no records that can be read${problems.why}`);
      }
    } catch (error) {
      if (running === null) {
        throw error;
      }
      // Report the failure, but let the child command continue.
      await note(host, describe(error));
      host.status = 1;
    } finally {
      clearTimeout(timer);
      forget();
    }
    if (running !== null) {
      host.status = (await running) || host.status;
    }
  } finally {
    namespace?.close();
  }
}

async function openSource(
  host: Host,
  namespace: Namespace | null,
  options: CaptureOptions,
  signal: AbortSignal,
): Promise<Bytes> {
  return namespace === null
    ? openCapture(options.input, options, () => host.stdin(), signal)
    : await openModuleStream(namespace, filterOf(options), signal, true);
}

/** @returns whether the source ended on its own */
async function record(
  host: Host,
  source: Bytes,
  format: Format,
  sink: Sink,
  progress: Progress,
  { signal, stop }: { readonly signal: AbortSignal; readonly stop: AbortController },
): Promise<boolean> {
  const errors: unknown[] = [];
  const keep = (error: unknown) => {
    errors.push(error);
  };
  await writeAll(host, source, format, sink, progress).catch(keep);
  const ended = !signal.aborted && !format.full;
  stop.abort();
  await sink.close().catch(keep);
  const { words } = format.tally.problems;
  if (words !== null) {
    await progress.note(`skipped ${words}`);
  }
  if (!host.out.closed) {
    const unwritten = errors.reduce<number>(
      (sum, error) => sum + (error instanceof CannotWrite ? error.lines : 0),
      sink instanceof Rotated ? sink.unwritten : 0,
    );
    const deleted = sink instanceof Rotated ? sink.deleted : 0;
    await progress.summary(sink.size, sink.name, unwritten, deleted);
  }
  if (errors.length > 0) {
    throw errors[0];
  }
  return ended;
}

async function writeAll(
  host: Host,
  { owned }: Bytes,
  format: Format,
  sink: Sink,
  progress: Progress,
): Promise<void> {
  // A Readable that fails discards the chunks that are ready. So `damage` holds the error back
  // until they have been read.
  const damage = new Damage();
  const turn = new Turn();
  const ahead = Readable.from(damage.before(owned.chunks), { highWaterMark: READ_AHEAD });
  try {
    for await (const chunk of withTicks<Buffer>(ahead[Symbol.asyncIterator](), FLUSH_EVERY)) {
      if (chunk === null) {
        await sink.flush();
        await progress.tick(sink.size);
        continue;
      }
      for (const piece of format.push(chunk)) {
        await sink.write(piece);
        // If stdout is a file, a write to it does not return to the event loop.
        if (turn.isDue) {
          await turn.take();
        }
      }
      owned.release?.(chunk);
      if (format.full || host.out.closed) {
        return;
      }
    }
    for (const piece of format.end()) {
      await sink.write(piece);
    }
    damage.report();
  } finally {
    ahead.destroy();
  }
}

/** Return what to do if the file exists. */
function meetingOf({ append, force }: CaptureOptions): Meeting {
  if (append) {
    return 'append';
  }
  return force ? 'replace' : 'refuse';
}

async function openSink(host: Host, path: string, options: CaptureOptions): Promise<Sink> {
  const packing = options.compress ?? null;
  const sync = options.fsync ?? false;
  if (path === '-') {
    return new Single(new OutputPart(host.out, makePacker(packing)), null, null);
  }
  const meeting = meetingOf(options);
  const report = (text: string) => note(host, text);
  const keep = options.keep ?? Number.POSITIVE_INFINITY;
  if (options.rotate !== undefined) {
    // Check before any file is deleted: this Node may lack the compression.
    checkPacking(packing);
    const { format, rotate: rotation } = options;
    return Rotated.open({ path, meeting, rotation, keep, format, packing, sync, report });
  }
  if (isSame(path, options.input)) {
    throw new Usage(`${path} is what is read: write to another file`);
  }
  const packer = makePacker(packing);
  await refuseForeignLink(path);
  // Lock before an existing file is changed.
  let lock = meeting === 'refuse' ? null : await lockCapture(path, report);
  try {
    const first =
      meeting === 'append' ? await prepareAppend(path, options.format, packing, report) : null;
    const part = await FilePart.open(path, meeting, packer, sync);
    lock ??= await lockCapture(path, report);
    return new Single(part, options.format === 'csv' ? first : null, lock);
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

function filterOf(options: CaptureOptions): TapFilter {
  const { port, addr, fwmark, full, hook, proto, stack, interval } = options;
  const kinds = options.kinds ?? (options.format === 'tcpprobe' ? 'sample' : undefined);
  return {
    ...{ kinds, port, addr, fwmark, hook, proto, interval_ms: interval, latency_ms: LATENCY },
    full: full ? 1 : undefined,
    stack: stack ? 1 : undefined,
  };
}

function lettersOf(kinds: string): string {
  return kinds
    .split(',')
    .map((kind) => (isKind(kind) ? LETTERS[kind] : ''))
    .join('');
}

/** Refuse options without effect, and those with an unwanted effect. */
function check(
  host: Host,
  file: string,
  command: readonly string[],
  options: CaptureOptions,
): void {
  const { input, format, kinds } = options;
  checkInput(options, null);
  refuse({
    "capture records the module's stream: -i takes module or a capture here": input === 'proc',
    'capture writes JSON with --format ndjson': options.json === true,
    [`"${file}" is not the name of a file`]: /^$|\/$/.test(file),
  });
  const known = Object.keys(LETTERS);
  if (!isLive(input)) {
    const unknown = kinds?.split(',').find((kind) => !isKind(kind));
    const asked = MODULE_ONLY.find((key) => options[key] !== undefined);
    refuse({
      [`--${asked} is for the module: a capture holds what it holds`]: asked !== undefined,
      '--kinds with -i FILE needs --format csv, ndjson or tcpprobe: raw copies every byte':
        kinds !== undefined && format === 'raw',
      [`there is no kind "${unknown}": ${known.join(', ')}`]: unknown !== undefined,
    });
  }
  if (!isLive(input) && input !== '-') {
    refuse({
      '--duration has no meaning for a capture file': options.duration !== undefined,
      '--rotate TIME has no meaning for a capture file: give a size': options.rotate?.by === 'time',
      'a command is run while the module is read, not a file': command.length > 0,
    });
  }
  if (format === 'tcpprobe') {
    refuse({
      '--format tcpprobe holds samples only: --kinds sample': (kinds ?? 'sample') !== 'sample',
    });
  } else if (format === 'csv') {
    refuse({
      [`--format csv holds one kind a file: give --kinds one of ${known.join(', ')}`]:
        kinds === undefined || !isKind(kinds),
    });
  }
  refuse({ '--keep needs --rotate': options.keep !== undefined && options.rotate === undefined });
  if (file === '-') {
    const asked = (['rotate', 'fsync', 'force', 'append'] as const).find(
      (key) => options[key] !== undefined,
    );
    refuse({
      [`--${asked} is for files, not for stdout`]: asked !== undefined,
      "a command's own output would mix with the capture: give a file": command.length > 0,
      'packed data are not for a terminal: give a file, or redirect':
        options.compress !== undefined && host.out.tty,
    });
  }
}
