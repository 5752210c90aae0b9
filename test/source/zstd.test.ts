import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { streamChunks } from '../../src/source/file.js';
import { createZstdCompress } from '../../src/source/zstd.js';

// What `zstd` makes of "hello", and a frame to be skipped; packing is not in every Node.
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

test.skipIf(createZstdCompress !== undefined)('where it has not', async () => {
  await expect(read(HELLO, 100)).rejects.toThrow(/it is packed with zstd, and this Node \(v/);
});
