import { close, constants, open, read, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errno, Failure } from '../failure.js';

const [openFd, closeFd, writeFd] = [promisify(open), promisify(close), promisify(write)];

/** Small, so that what waits for the garbage collector is little. */
const READ_SIZE = 64 * 1024;
/** In ms; too short for a signal to end it early, which would cost as much as the read. */
const SHORTEST_WAIT = 10;
const LONGEST_WAIT = 50;
/** A tap that is written faster than it can be read is never empty; in ms. */
const LONGEST_DRAIN = 1000;

/** An open tap: one reader of /proc/net/tcpsynq with a filter of its own. */
export interface Tap {
  /**
   * Bytes as they come. Ends when the signal comes or the module is gone; closes the tap.
   *
   * @param all wait no longer than the shortest wait between two reads, and when the signal comes
   * read what has been recorded by then
   */
  chunks(signal: AbortSignal, all?: boolean): AsyncGenerator<Buffer, void, void>;
}

/** Keys of a tap's filter: see "The filter" in docs/format.md. One not given stays as the module has it. */
export interface TapFilter {
  /** A comma list of count, event, sample, drop, close. */
  readonly kinds?: string | undefined;
  readonly interval_ms?: number | undefined;
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
 * Opens a tap and sets its filter; its lines are tcpsynq's, whatever format the module was loaded
 * with. Rejects with the error of the failed open: ENOENT without the module, EACCES or EPERM
 * without the right, EBUSY or another when no more taps may be open.
 *
 * Non-blocking, because a blocking read of a file under /proc occupies a thread of libuv that
 * neither a signal nor process.exit() gets back before the read returns.
 */
export async function openTap(path: string, wanted: TapFilter): Promise<Tap> {
  const filter = textOf(wanted);
  const fd = await openFd(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    await writeFd(fd, `format=tcpsynq ${filter}`);
  } catch (error) {
    await closeFd(fd);
    throw errno(error) === 'EINVAL'
      ? new Failure(`the module refuses "${filter}": see its log with \`dmesg | tail\``)
      : error;
  }
  return { chunks: (signal, all = false) => readChunks(fd, signal, all) };
}

async function* readChunks(
  fd: number,
  signal: AbortSignal,
  all: boolean,
): AsyncGenerator<Buffer, void, void> {
  const buffer = Buffer.allocUnsafe(READ_SIZE);
  let wait = SHORTEST_WAIT;
  try {
    while (!signal.aborted) {
      const length = await readSome(fd, buffer);
      if (length === 0) {
        return;
      }
      if (length === undefined) {
        await sleep(wait);
        wait = Math.min(wait * 2, all ? SHORTEST_WAIT : LONGEST_WAIT);
      } else {
        wait = SHORTEST_WAIT;
        yield Buffer.from(buffer.subarray(0, length));
        if (length < buffer.length) {
          // Else a busy host is read line by line, which costs many times as much.
          await sleep(wait);
        }
      }
    }
    const end = performance.now() + LONGEST_DRAIN;
    while (all && performance.now() < end) {
      const length = await readSome(fd, buffer);
      if (!length) {
        return;
      }
      yield Buffer.from(buffer.subarray(0, length));
    }
  } finally {
    await closeFd(fd);
  }
}

/** Bytes read, 0 when nothing will come any more, undefined when there is nothing yet. */
function readSome(fd: number, buffer: Buffer): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, buffer.length, null, (error, length) => {
      if (error === null) {
        resolve(length);
      } else if (error.code === 'EAGAIN' || error.code === 'EINTR') {
        resolve(undefined);
      } else if (error.code === 'ENODEV' || error.code === 'EIO') {
        // What procfs answers for a file whose module is being unloaded.
        resolve(0);
      } else {
        reject(error);
      }
    });
  });
}
