import { close, constants, open, read, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { errno, Failure } from '../failure.js';
import { moduleFiles } from '../proc/module.js';
import { expectThere, type Namespace } from '../proc/namespace.js';
import { Buffers } from './buffers.js';

const [openFd, closeFd, writeFd] = [promisify(open), promisify(close), promisify(write)];

const READ_SIZE = 512 * 1024;
/** Maximum delay of a record in ms: short for a person, but long enough to read a burst at once. */
const LATENCY = 50;
/**
 * Maximum time to read the rest after the signal, in ms: a tap that is written faster than it can
 * be read is never empty.
 */
const LONGEST_DRAIN = 1000;
const NOTHING = Buffer.alloc(0);

/** An open tap: one reader of /proc/net/tcpsynq with its own filter. */
export interface Tap {
  /**
   * Yield bytes as they arrive. End at the signal or when the module is unloaded, and close the
   * tap.
   *
   * @param all whether to read, at the signal, the records made before it
   */
  chunks(signal: AbortSignal, all?: boolean): AsyncGenerator<Buffer, void, void>;
  /** Give back a chunk that has no other references: later reads use its memory again. */
  release(chunk: Buffer): void;
}

/** Keys of a tap's filter: see "The filter" in docs/format.md. An absent key keeps its default. */
export interface TapFilter {
  /** A comma list of count, event, sample, drop, close, syn. */
  readonly kinds?: string | undefined;
  readonly interval_ms?: number | undefined;
  readonly latency_ms?: number | undefined;
  readonly port?: number | undefined;
  readonly addr?: string | undefined;
  readonly fwmark?: number | undefined;
  readonly full?: 0 | 1 | undefined;
  readonly hook?: string | undefined;
  readonly proto?: string | undefined;
  readonly stack?: 0 | 1 | undefined;
}

function textOf(filter: TapFilter): string {
  return Object.entries(filter)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/**
 * Open a tap in a namespace and set its filter. Its lines have tcpsynq's format, even if the module
 * was loaded with another one. Reject with the error of the failed open: ENOENT without the module,
 * EACCES or EPERM without the right, EBUSY or another if no more taps may be open. Reject with a
 * Failure if the process that shows the namespace has ended.
 */
export async function openTap(namespace: Namespace, wanted: TapFilter): Promise<Tap> {
  const filter = textOf(wanted);
  const path = moduleFiles(namespace).stream;
  const fd = await openFd(path, constants.O_RDWR).catch(async (error: unknown) => {
    await expectThere(namespace);
    throw error;
  });
  try {
    await expectThere(namespace);
    await writeFd(fd, `format=tcpsynq latency_ms=${LATENCY} ${filter}`);
  } catch (error) {
    await closeFd(fd);
    // EPERM: the filter requests stacks while the kernel is locked down.
    throw ['EINVAL', 'EPERM'].includes(errno(error) ?? '')
      ? new Failure(`the module refuses "${filter}": see its log with \`dmesg | tail\``)
      : error;
  }
  const buffers = new Buffers(READ_SIZE);
  return {
    chunks: (signal, all = false) => readChunks(fd, signal, all, buffers),
    release: buffers.release,
  };
}

/**
 * Yield the bytes of a tap, when the module has enough to read. A read that waits occupies a thread
 * of libuv, and would delay the exit. So at the signal, an empty write makes the read return.
 */
async function* readChunks(
  fd: number,
  signal: AbortSignal,
  all: boolean,
  buffers: Buffers,
): AsyncGenerator<Buffer, void, void> {
  let end = Number.POSITIVE_INFINITY;
  const letGo = () => {
    try {
      writeSync(fd, NOTHING);
    } catch {
      // The module is being unloaded, which makes the read return too.
    }
  };
  if (signal.aborted) {
    letGo();
  }
  signal.addEventListener('abort', letGo, { once: true });
  process.once('exit', letGo);
  try {
    while (performance.now() < end) {
      const stopped = signal.aborted;
      if (stopped && !all) {
        return;
      }
      if (stopped) {
        end = Math.min(end, performance.now() + LONGEST_DRAIN);
      }
      const buffer = buffers.take();
      const length = await readSome(fd, buffer);
      if (length === 0) {
        return;
      }
      const chunk = buffer.subarray(0, length);
      if (length > READ_SIZE / 2) {
        yield chunk;
      } else {
        // A few bytes must not keep the whole buffer in memory.
        buffers.release(buffer);
        yield Buffer.from(chunk);
      }
      if (stopped && length < READ_SIZE) {
        return;
      }
    }
  } finally {
    signal.removeEventListener('abort', letGo);
    process.removeListener('exit', letGo);
    await closeFd(fd);
  }
}

/** Return the number of bytes read; 0 at the end. */
function readSome(fd: number, buffer: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, null, (error, length) => {
      if (error === null) {
        resolve(length);
      } else if (error.code === 'EINTR') {
        // libuv does not retry.
        resolve(readSome(fd, buffer));
      } else if (error.code === 'ENODEV' || error.code === 'EIO') {
        // The answers of procfs for a file of a module that is being unloaded.
        resolve(0);
      } else {
        reject(error);
      }
    });
  });
}
