import { once } from 'node:events';
import { Readable, Transform } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { streamChunks } from '../../src/source/file.js';
import { createZstdCompress, unpackZstd } from '../../src/source/zstd.js';

// Output of `zstd` for "hello", and a skippable frame, because not every Node can pack with zstd.
const HELLO = Buffer.from('28b52ffd045831000068656c6c6f0a5388bd91', 'hex');
const SKIPPED = Buffer.from('502a4d1803000000616263', 'hex');

async function read(bytes: Buffer, size: number): Promise<string> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    chunks.push(bytes.subarray(at, at + size));
  }
  let text = '';
  const stream = Readable.from(chunks);
  for await (const chunk of streamChunks(stream, 'it', new AbortController().signal)) {
    text += chunk;
  }
  return text;
}

describe.skipIf(createZstdCompress === undefined)('where Node has zstd', () => {
  test('every frame is read, wherever the bytes are cut', async () => {
    const pack = createZstdCompress?.();
    const parts: Buffer[] = [];
    pack?.on('data', (part) => parts.push(part));
    pack?.end('one\ntwo\n');
    await once(pack as NonNullable<typeof pack>, 'end');
    const bytes = Buffer.concat([HELLO, ...parts, SKIPPED, HELLO]);
    for (const size of [1, 2, 3, 7, 19, 20, 1000]) {
      expect(await read(bytes, size)).toBe('hello\none\ntwo\nhello\n');
    }
  });

  test('a frame that is cut short is an error, whatever Node says', async () => {
    const bytes = Buffer.concat([HELLO, HELLO.subarray(0, 12)]);
    await expect(read(bytes, 5)).rejects.toThrow('it: the zstd data is damaged or cut short');
  });
});

describe('the time that it takes is bounded', () => {
  const EMPTY = Buffer.from('28b52ffd2000010000', 'hex');

  /** Unpack empty frames with a decoder that returns nothing, and return how many were begun. */
  async function begun(frames: number, signal?: AbortSignal): Promise<number> {
    let made = 0;
    const create = () => {
      made += 1;
      return new Transform({ transform: (_chunk, _encoding, done) => done() });
    };
    const chunks = [Buffer.alloc(frames * EMPTY.length, EMPTY)][Symbol.iterator]();
    const packed = { next: async () => chunks.next() } as AsyncIterator<Buffer>;
    for await (const chunk of unpackZstd(packed, create, signal)) {
      expect(chunk).toHaveLength(0);
    }
    return made;
  }

  test('it stops after 4,096 empty frames', async () => {
    expect(await begun(4096)).toBe(4096);
    await expect(begun(5000)).rejects.toMatchObject({ code: 'Z_BUF_ERROR' });
  });

  test('it stops at the signal', async () => {
    expect(await begun(10, AbortSignal.abort())).toBe(0);
  });
});

test.skipIf(createZstdCompress !== undefined)('where Node has no zstd', async () => {
  await expect(read(HELLO, 100)).rejects.toThrow(/it is packed with zstd, and this Node \(v/);
});
