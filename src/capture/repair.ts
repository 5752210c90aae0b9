import type { FileHandle } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { Failure } from '../failure.js';
import { gzipFailure } from '../source/file.js';
import { type MemberDamage, unpackGzip } from '../source/gzip.js';
import { openForWriting } from './part.js';

const READ_SIZE = 512 * 1024;
/**
 * Maximum unpacked bytes after the last flush. Their whole lines are packed again. If there are
 * more, the damaged member is left as it is.
 */
const MAX_REST = 64 * 1024 * 1024;

async function* chunksOf(file: FileHandle, end: number): AsyncGenerator<Buffer, void, void> {
  const buffer = Buffer.alloc(READ_SIZE);
  for (let at = 0; at < end; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_SIZE, end - at), at);
    if (bytesRead === 0) {
      return;
    }
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The contents of a packed file. */
interface Contents {
  readonly damages: readonly MemberDamage[];
  /** Number of bytes of the file up to the end of its last whole member. */
  readonly end: number;
  /** Number of unpacked bytes. */
  readonly length: number;
  /** The unpacked bytes from `from` on. */
  readonly rest: Buffer;
}

async function contents(chunks: AsyncIterator<Buffer>, from: number): Promise<Contents> {
  const damages: MemberDamage[] = [];
  const rest: Buffer[] = [];
  let length = 0;
  let end = 0;
  const unpacked = unpackGzip(
    chunks,
    (damage) => damages.push(damage),
    (at) => {
      end = at;
    },
  );
  for await (const bytes of unpacked) {
    if (length + bytes.length > from) {
      rest.push(Buffer.from(bytes.subarray(Math.max(0, from - length))));
    }
    length += bytes.length;
  }
  return { damages, end, length, rest: Buffer.concat(rest) };
}

/** The result of repairGzip. */
export interface Repair {
  /** Number of zero bytes cut off after the last member. */
  readonly zeros: number;
  /** Whether the last member lacked an end, and has one now. */
  readonly ended: boolean;
  /** Why nothing can be appended to the file; null if that is possible. */
  readonly failure: Failure | null;
}

/**
 * Make a gzip file ready for appending. Cut off zeros after the last member. If a kill has cut the
 * last member, end it at its last flush. Write the whole lines after that flush again, as a member
 * of their own.
 */
export async function repairGzip(path: string): Promise<Repair> {
  const file = await openForWriting(path, 'repair');
  try {
    const { size } = await file.stat();
    const found = await contents(chunksOf(file, size), Number.POSITIVE_INFINITY);
    if (found.damages.length === 0) {
      await file.truncate(found.end);
      return { zeros: size - found.end, ended: false, failure: null };
    }
    const ended = await endLast(file, size, found);
    return { zeros: 0, ended, failure: ended ? null : gzipFailure(path, found.damages) };
  } finally {
    await file.close();
  }
}

/** End the last member at its last flush; return whether the file is then whole. */
async function endLast(file: FileHandle, size: number, found: Contents): Promise<boolean> {
  const [damage, ...others] = found.damages;
  if (damage === undefined || others.length > 0) {
    return false;
  }
  const { flushed } = damage;
  if (flushed === null || found.length - flushed.text > MAX_REST) {
    return false;
  }
  const { rest } = await contents(chunksOf(file, size), flushed.text);
  const end = endOf(flushed.crc, flushed.length);
  const kept = withEnd(chunksOf(file, flushed.at), end);
  const proof = await contents(kept, Number.POSITIVE_INFINITY);
  if (proof.damages.length > 0 || proof.length !== flushed.text) {
    return false;
  }
  const tail = rest.length > 0 ? Buffer.concat([end, gzipSync(rest)]) : end;
  for (let done = 0; done < tail.length; ) {
    const { bytesWritten } = await file.write(tail, done, tail.length - done, flushed.at + done);
    done += bytesWritten;
  }
  await file.truncate(flushed.at + tail.length);
  return true;
}

async function* withEnd(chunks: AsyncIterable<Buffer>, end: Buffer) {
  yield* chunks;
  yield end;
}

/** Return the end of a member after a flush: empty last block (RFC 1951, 3.2.6), CRC-32, length. */
export function endOf(crc: number, length: number): Buffer {
  const end = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  end.writeUInt32LE(crc, 2);
  end.writeUInt32LE(length, 6);
  return end;
}
