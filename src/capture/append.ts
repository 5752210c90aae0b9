import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Failure, failureOf } from '../failure.js';
import { isOwn } from '../ownership.js';
import { Damage } from '../source/damage.js';
import { openFile, packingOf, streamChunks } from '../source/file.js';
import { MAX_LINE } from '../stream/parser.js';
import type { FormatName, Packing } from './names.js';
import { openForWriting, requireWritable } from './part.js';
import { type Repair, repairGzip } from './repair.js';

const NEWLINE = 0x0a;
/** Bytes that are enough to recognize a capture. */
const HEAD = 4096;

/** The first line of a file of each format. */
const FIRST: Readonly<Record<FormatName, RegExp>> = {
  raw: /^# tcpsynq /,
  tcpprobe:
    /^(\d+\.\d+([ \t]+\S+:\d+){2}([ \t]+(\d+|0x[\da-f]+|-)){6,8}|# L \d+\.\d+ \w+( \d+){3})[ \t\r]*$/,
  csv: /^kind,time,/,
  ndjson: /^\{"kind":"#"/,
};

/**
 * Return whether a file begins like a capture of some format, and belongs to this user.
 *
 * @param isMade whether this process made the file; if so, the owner that the file system reports
 *   is ignored
 */
export async function isCapture(path: string, isMade = false): Promise<boolean> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const there = await file.stat();
    if (!there.isFile() || !(isMade || isOwn(there))) {
      return false;
    }
    const head = Buffer.alloc(HEAD);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const first = await firstOf(head.subarray(0, bytesRead));
    return Object.values(FIRST).some((pattern) => pattern.test(first));
  } finally {
    await file.close();
  }
}

/** Unpack the start of a file, and return its first line, or the readable part of that line. */
async function firstOf(head: Buffer): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    const stream = Readable.from([head]);
    for await (const chunk of streamChunks(stream, '', new AbortController().signal)) {
      chunks.push(Buffer.from(chunk));
      length += chunk.length;
      if (length >= HEAD || chunk.includes(NEWLINE)) {
        break;
      }
    }
  } catch {
    // The packed data is incomplete, since it is only the start of a file.
  }
  const start = Buffer.concat(chunks);
  return start.toString('utf8', 0, Math.max(0, start.indexOf(NEWLINE)) || start.length);
}

/**
 * Prepare a file for appending: cut off an unfinished last line. Return the file's first line; null
 * if the file is empty or missing. Throw a Failure if the file has another format or compression.
 *
 * @param report receives a line on the changes to the file
 */
export async function prepareAppend(
  path: string,
  format: FormatName,
  packing: Packing | null,
  report: (text: string) => Promise<void>,
): Promise<string | null> {
  await requireWritable(path);
  const file = await openForWriting(path, 'repair').catch((error) => {
    if (error.code === 'ENOENT') {
      return null;
    }
    throw failureOf(`cannot write ${path}`, error);
  });
  if (file === null) {
    return null;
  }
  try {
    const { size } = await file.stat();
    if (size === 0) {
      return null;
    }
    const head = Buffer.alloc(MAX_LINE);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const is = packingOf(head.subarray(0, bytesRead));
    if (is !== packing) {
      const should = is === null ? 'leave --compress out' : `it takes --compress=${is}`;
      throw new Failure(
        `${path} is ${is === null ? 'not packed' : `packed with ${is}`}: ${should}`,
      );
    }
    const first = await firstOf(head.subarray(0, bytesRead));
    if (!FIRST[format].test(first)) {
      throw new Failure(`${path} is no ${format} capture: --append would mix two formats`);
    }
    if (is !== null) {
      await repair(path, is, report);
      return first;
    }
    const cut = await cutLast(file, size);
    if (cut > 0) {
      await report(`${path} ended in an unfinished line: cut off its ${cut} bytes`);
    }
    return cut === size ? null : first;
  } finally {
    await file.close();
  }
}

/** Prepare packed data for appending. Throw a Failure if that is impossible. */
async function repair(
  path: string,
  packing: Packing,
  report: (text: string) => Promise<void>,
): Promise<void> {
  const repairing =
    packing === 'zstd'
      ? check(path)
      : repairGzip(path).catch((error) => {
          throw failureOf(`cannot repair ${path}`, error);
        });
  const { zeros, ended, failure } = await repairing;
  if (failure !== null) {
    throw new Failure(`${failure.message}: nothing can be appended to it`);
  }
  if (ended) {
    await report(`${path} was cut short: ended its packed data, and kept every whole line`);
  } else if (zeros > 0) {
    await report(`${path} ended in zeros: cut off its last ${zeros} bytes`);
  }
}

/** Cut off an unfinished last line of any length; return its length. */
async function cutLast(file: FileHandle, size: number): Promise<number> {
  const tail = Buffer.alloc(Math.min(size, MAX_LINE));
  let end = size;
  let newline = -1;
  while (end > 0 && newline < 0) {
    const start = Math.max(0, end - tail.length);
    const { bytesRead } = await file.read(tail, 0, end - start, start);
    newline = tail.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    end = newline < 0 ? start : start + newline + 1;
  }
  if (end < size) {
    await file.truncate(end);
  }
  return size - end;
}

/**
 * Read a packed file to its end to find damage: data appended after damage could not be unpacked.
 */
async function check(path: string): Promise<Repair> {
  const damage = new Damage();
  const chunks = streamChunks(openFile(path), path, new AbortController().signal);
  for await (const _ of damage.before(chunks)) {
    // Discard the content: only the damage is of interest.
  }
  return { zeros: 0, ended: false, failure: damage.failure };
}
