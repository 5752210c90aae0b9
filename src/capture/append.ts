import { open } from 'node:fs/promises';
import { Failure, inWords } from '../failure.js';
import { MAX_LINE } from '../record/stream.js';
import { openFile, packingOf, streamChunks } from '../source/file.js';
import type { FormatName, Packing } from './names.js';

const NEWLINE = 0x0a;

/** What the first line of a file of each format looks like. */
const FIRST: Readonly<Record<FormatName, RegExp>> = {
  raw: /^# tcpsynq /,
  tcpprobe: /^(\d+\.\d+|# L) /,
  csv: /^kind,time,/,
  ndjson: /^\{"kind":"#"/,
};

/** A file that a capture goes on with. */
export interface Continued {
  /** Its first line; null if it is empty or not there. */
  readonly first: string | null;
  /** Bytes of an unfinished last line that were cut off. */
  readonly cut: number;
}

/**
 * Makes a file ready to be appended to: a last line that was never finished is cut off. Throws a
 * Failure if what is to be written does not go with what it holds.
 */
export async function prepareAppend(
  path: string,
  format: FormatName,
  packing: Packing | null,
): Promise<Continued> {
  const file = await open(path, 'r+').catch((error) => {
    if (error.code === 'ENOENT') {
      return null;
    }
    throw new Failure(`cannot write ${path}: ${inWords(error)}`);
  });
  if (file === null) {
    return { first: null, cut: 0 };
  }
  try {
    const { size } = await file.stat();
    if (size === 0) {
      return { first: null, cut: 0 };
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
    const first = is === null ? firstLine(head.subarray(0, bytesRead)) : await firstOfPacked(path);
    if (!FIRST[format].test(first)) {
      throw new Failure(`${path} is no ${format} capture: --append would mix two formats`);
    }
    let cut = 0;
    if (is === null) {
      const tail = Buffer.alloc(Math.min(size, MAX_LINE));
      await file.read(tail, 0, tail.length, size - tail.length);
      cut = tail.length - tail.lastIndexOf(NEWLINE) - 1;
      if (cut > 0) {
        await file.truncate(size - cut);
      }
    }
    return { first: cut === size ? null : first, cut };
  } finally {
    await file.close();
  }
}

function firstLine(head: Buffer): string {
  return head.toString('utf8', 0, Math.max(0, head.indexOf(NEWLINE)) || head.length);
}

/** Also reads it to its end: what is appended to a damaged file could never be unpacked. */
async function firstOfPacked(path: string): Promise<string> {
  let first: string | null = null;
  try {
    for await (const chunk of streamChunks(openFile(path), path, new AbortController().signal)) {
      first ??= firstLine(chunk);
    }
  } catch (error) {
    throw new Failure(`${inWords(error)}: nothing can be appended to it`);
  }
  return first ?? '';
}
