import { close, closeSync, constants, fstatSync, openSync, read, statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { errno, Failure, failureOf } from '../failure.js';
import { Buffers } from './buffers.js';
import { type MemberDamage, unpackGzip } from './gzip.js';
import { pause } from './pace.js';
import { createZstdDecompress, isZstd, NO_ZSTD, unpackZstd } from './zstd.js';

/**
 * Bytes per read of an ordinary file. Large, since each read is handed to another thread and back.
 */
const READ_SIZE = 512 * 1024;
/**
 * Bytes per read of a followed file. Small, since data arrives in parts, and the garbage collector
 * frees them late.
 */
const FOLLOW_SIZE = 64 * 1024;
/** Delay before a file that was replaced or cut is read again, in ms. */
const REPLACED_MS = 100;

type Chunks = AsyncGenerator<Buffer, void, void>;

/** An open capture. Its chunks end when it is destroyed. */
interface Input extends AsyncIterable<Buffer> {
  destroy(): void;
  /** Takes back a chunk that has no other references. */
  readonly release?: (chunk: Buffer) => void;
}

class OrdinaryFile implements Input {
  readonly #buffers = new Buffers(READ_SIZE);
  readonly release = this.#buffers.release;
  #reading = false;
  #destroyed = false;

  constructor(private readonly fd: number) {}

  async *[Symbol.asyncIterator](): Chunks {
    try {
      while (!this.#destroyed) {
        const buffer = this.#buffers.take();
        const length = await this.#read(buffer);
        if (length === 0) {
          return;
        }
        yield buffer.subarray(0, length);
      }
    } finally {
      this.destroy();
    }
  }

  destroy(): void {
    const first = !this.#destroyed;
    this.#destroyed = true;
    if (first && !this.#reading) {
      this.#close();
    }
  }

  #close(): void {
    // Ignore an error: the bytes that were read are valid even if close() fails.
    close(this.fd, () => {});
  }

  #read(buffer: Buffer): Promise<number> {
    this.#reading = true;
    return new Promise((resolve, reject) => {
      read(this.fd, buffer, 0, buffer.length, null, (error, length) => {
        this.#reading = false;
        if (this.#destroyed) {
          this.#close();
          resolve(0);
        } else if (error === null) {
          resolve(length);
        } else {
          reject(error);
        }
      });
    });
  }
}

/** Return the compression of a file, by its first four bytes; null if it is not compressed. */
export function packingOf(head: Buffer): 'gzip' | 'zstd' | null {
  if (head[0] === 0x1f && head[1] === 0x8b) {
    return 'gzip';
  }
  return isZstd(head) ? 'zstd' : null;
}

/** Return a capture's name without the suffixes for compression and format. */
export function baseOf(path: string): string {
  const unpacked = path.replace(/\.(gz|zst)$/, '');
  return unpacked.replace(/([^/])\.[a-z]\w*$/i, '$1');
}

/** Return whether two names refer to one ordinary file. */
export function isSame(path: string, other: string): boolean {
  try {
    const [a, b] = [statSync(path), statSync(other)];
    return a.isFile() && a.ino === b.ino && a.dev === b.dev;
  } catch {
    return false;
  }
}

/** Open a capture file or a named pipe. Throw a Failure if it cannot be read. */
export function openFile(path: string): Input {
  try {
    // O_NONBLOCK is for pipes: a blocking read of a pipe could not be stopped.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const file = fstatSync(fd);
    if (file.isDirectory()) {
      closeSync(fd);
      throw new Error('it is a directory');
    }
    return file.isFIFO()
      ? new Socket({ fd, readable: true, writable: false })
      : new OrdinaryFile(fd);
  } catch (error) {
    throw failureOf(`cannot read ${path}`, error);
  }
}

/** Yield the bytes of an input, unpacked if gzip or zstd. End without an error at the signal. */
export async function* streamChunks(
  stream: Input | Readable,
  name: string,
  signal: AbortSignal,
): Chunks {
  const stop = () => stream.destroy();
  if (signal.aborted) {
    stop();
    return;
  }
  signal.addEventListener('abort', stop, { once: true });
  try {
    yield* unpacked(stream, name, signal);
  } catch (error) {
    if (!signal.aborted) {
      throw failureOf(`cannot read ${name}`, error);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

async function* unpacked(stream: AsyncIterable<Buffer>, name: string, signal: AbortSignal): Chunks {
  const rest: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    head = Buffer.concat([head, next.value]);
    if (head.length > 3) {
      break;
    }
  }
  const whole = (async function* () {
    yield head;
    yield* { [Symbol.asyncIterator]: () => rest };
  })();
  const packing = packingOf(head);
  if (packing === null) {
    yield* whole;
    return;
  }
  if (packing === 'zstd' && createZstdDecompress === undefined) {
    throw new Failure(`${name} is packed with zstd, and ${NO_ZSTD}: unpack it with \`zstd -d\``);
  }
  if (createZstdDecompress === undefined || packing === 'gzip') {
    yield* gzip(whole, name, signal);
    return;
  }
  try {
    yield* unpackZstd(whole, createZstdDecompress, signal);
  } catch (error) {
    throw errno(error)?.startsWith('Z')
      ? new Failure(`${name}: the zstd data is damaged or cut short; what came before it was read`)
      : error;
  }
}

/** Unpack the readable data; then, if there was damage, throw a Failure that names its place. */
async function* gzip(packed: AsyncIterator<Buffer>, name: string, signal: AbortSignal): Chunks {
  const damages: MemberDamage[] = [];
  yield* unpackGzip(packed, (damage) => damages.push(damage), undefined, signal);
  const failure = gzipFailure(name, damages);
  if (failure !== null) {
    throw failure;
  }
}

/** Return a Failure that names the place of gzip damage; null without damage. */
export function gzipFailure(name: string, damages: readonly MemberDamage[]): Failure | null {
  const [first, ...others] = damages;
  if (first === undefined) {
    return null;
  }
  const more = others.length > 0 ? ` and in ${others.length} more places` : '';
  const wasCut = `damaged or cut short near byte ${first.near}${more}`;
  return new Failure(`${name}: the gzip data is ${wasCut}; what could be read was read`);
}

function refusePacked(path: string, start: Buffer): void {
  const packing = packingOf(start);
  if (packing !== null) {
    throw new Failure(`${path} is packed with ${packing}: it can be read, but not followed`);
  }
}

/** Return whether a file was replaced or cut. */
async function isReplaced(path: string, ino: number, position: number): Promise<boolean> {
  const now = await stat(path).catch(() => null);
  return now !== null && (now.ino !== ino || now.size < position);
}

/** Open a file that grows. Reject a pipe: a read of it would not return before data arrives. */
async function openToFollow(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    throw failureOf(`cannot read ${path}`, error);
  });
  if (!(await file.stat()).isFile()) {
    await file.close();
    throw new Failure(`cannot follow ${path}: it is not a regular file; read a pipe with -i -`);
  }
  return file;
}

/**
 * Yield the bytes of a file and those appended to it, until the signal comes. If the file is
 * replaced or cut, read it again from its start.
 */
export async function* followChunks(path: string, signal: AbortSignal): Chunks {
  const { watch } = await import('chokidar');
  let file = await openToFollow(path);
  let changed = false;
  let wake = () => {};
  const onChange = () => {
    changed = true;
    wake();
  };
  const watcher = watch(path, { ignoreInitial: true }).on('all', onChange);
  signal.addEventListener('abort', onChange, { once: true });
  try {
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
    let { ino } = await file.stat();
    let position = 0;
    const buffer = Buffer.allocUnsafe(FOLLOW_SIZE);
    while (!signal.aborted) {
      changed = false;
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead > 0) {
        if (position === 0) {
          refusePacked(path, buffer.subarray(0, bytesRead));
        }
        position += bytesRead;
        yield Buffer.from(buffer.subarray(0, bytesRead));
        continue;
      }
      if (await isReplaced(path, ino, position)) {
        const next = await openToFollow(path);
        await file.close();
        file = next;
        ({ ino } = await file.stat());
        position = 0;
        // End the last line, which may be cut.
        yield Buffer.from('\n');
        // Wait, since a file of /proc has size 0, and so looks cut each time.
        await pause(REPLACED_MS, signal);
        continue;
      }
      if (!changed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } catch (error) {
    throw failureOf(`cannot read ${path}`, error);
  } finally {
    signal.removeEventListener('abort', onChange);
    await Promise.all([watcher.close(), file.close()]);
  }
}
