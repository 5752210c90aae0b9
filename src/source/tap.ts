import { close, constants, open, read, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { errno, Failure } from '../failure.js';
import { moduleFiles } from '../proc/module.js';
import { expectThere, type Namespace } from '../proc/namespace.js';
import { Buffers } from './buffers.js';

const [openFd, closeFd, writeFd] = [promisify(open), promisify(close), promisify(write)];

const READ_SIZE = 512 * 1024;
/** Short enough for a person, and long enough for what comes together to be read together; in ms. */
const LATENCY = 50;
/** A tap that is written faster than it can be read is never empty; in ms. */
const LONGEST_DRAIN = 1000;
const NOTHING = Buffer.alloc(0);

/** An open tap: one reader of /proc/net/tcpsynq with a filter of its own. */
export interface Tap {
  /**
   * Bytes as they come. Ends when the signal comes or the module is gone; closes the tap.
   *
   * @param all when the signal comes, read what has been recorded by then
   */
  chunks(signal: AbortSignal, all?: boolean): AsyncGenerator<Buffer, void, void>;
  /** Gives back a chunk that nothing refers to any more: its memory is read into again. */
  release(chunk: Buffer): void;
}

/** Keys of a tap's filter: see "The filter" in docs/format.md. One not given stays as the module has it. */
export interface TapFilter {
  /** A comma list of count, event, sample, drop, close. */
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
 * Opens a tap in a namespace and sets its filter; its lines are tcpsynq's, whatever format the module
 * was loaded with. Rejects with the error of the failed open: ENOENT without the module, EACCES or
 * EPERM without the right, EBUSY or another when no more taps may be open. Rejects with a Failure if
 * the process that shows the namespace has ended.
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
    // EPERM: stacks, while the kernel is locked down.
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
 * The module says when there is enough to read. A read that waits for that occupies a thread of
 * libuv, which would hold up the process's end too: a write of nothing makes the read return.
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
      // The module is going away, and the read returns for that.
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
        // What little there is is not to hold on to all of the buffer.
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

/** Bytes read, 0 when nothing will come any more. */
function readSome(fd: number, buffer: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, null, (error, length) => {
      if (error === null) {
        resolve(length);
      } else if (error.code === 'EINTR') {
        // libuv does not read again by itself.
        resolve(readSome(fd, buffer));
      } else if (error.code === 'ENODEV' || error.code === 'EIO') {
        // What procfs answers for a file whose module is being unloaded.
        resolve(0);
      } else {
        reject(error);
      }
    });
  });
}
