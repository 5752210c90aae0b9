import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Buffers, inTurn } from '../../src/source/buffers.js';
import { openCapture } from '../../src/source/bytes.js';

let directory: string;
/** Enough bytes for several reads, without repetition. */
const bytes = Buffer.from(Uint32Array.from({ length: 700_000 }, (_, i) => i * 2654435761).buffer);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-buffers-'));
  await writeFile(join(directory, 'plain'), bytes);
  await writeFile(join(directory, 'packed'), gzipSync(bytes));
});

afterAll(() => rm(directory, { recursive: true }));

const open = (name: string, signal = new AbortController().signal) =>
  openCapture(join(directory, name), {}, () => Readable.from([]), signal);

test('memory is reused once it is released, and only then', () => {
  const buffers = new Buffers(16);
  const first = buffers.take();
  const second = buffers.take();
  expect(second.buffer).not.toBe(first.buffer);
  buffers.release(first.subarray(3, 5));
  const third = buffers.take();
  expect(third.buffer).toBe(first.buffer);
  expect(third.length).toBe(16);
});

test('ignores memory that it did not give, or already has back', () => {
  const buffers = new Buffers(16);
  const foreign = Buffer.allocUnsafeSlow(16);
  buffers.release(foreign);
  expect(buffers.take().buffer).not.toBe(foreign.buffer);
  const own = buffers.take();
  buffers.release(own);
  buffers.release(own);
  expect(buffers.take().buffer).not.toBe(buffers.take().buffer);
});

test('a chunk is released when the next is asked for', async () => {
  const given = [Buffer.from('a'), Buffer.from('b')];
  const released: Buffer[] = [];
  const chunks = (async function* () {
    yield* given;
  })();
  const seen = [];
  for await (const chunk of inTurn({ chunks, release: (one) => released.push(one) })) {
    seen.push([chunk.toString(), released.length]);
  }
  expect(seen).toEqual([
    ['a', 0],
    ['b', 1],
  ]);
  expect(released).toEqual(given);
});

test.each(['plain', 'packed'])('a file: %s', async (name) => {
  const copies: Buffer[] = [];
  const memory = new Set<ArrayBufferLike>();
  for await (const chunk of open(name).chunks) {
    copies.push(Buffer.from(chunk));
    memory.add(chunk.buffer);
  }
  expect(Buffer.concat(copies).equals(bytes)).toBe(true);
  if (name === 'plain') {
    // The first chunk is a copy, made to detect compression; the others share one buffer.
    expect(copies.length).toBeGreaterThan(4);
    expect(memory.size).toBe(2);
  }
});

test('a caller that reads ahead can keep all of it at once', async () => {
  const { owned } = open('plain');
  const all: Buffer[] = [];
  for await (const chunk of owned.chunks) {
    all.push(chunk);
  }
  expect(Buffer.concat(all).equals(bytes)).toBe(true);
});

test('stopped in the middle it ends without an error', async () => {
  const abort = new AbortController();
  let length = 0;
  for await (const chunk of open('plain', abort.signal).chunks) {
    length += chunk.length;
    abort.abort();
  }
  expect(length).toBeLessThan(bytes.length);
});
