import { createGzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MemberDamage, unpackGzip } from '../../src/source/gzip.js';
import { capture, incident } from '../capture.js';
import { gc } from '../memory.js';

async function unpack(bytes: Buffer, size = 512 * 1024) {
  const chunks = (async function* () {
    for (let at = 0; at < bytes.length; at += size) {
      yield bytes.subarray(at, at + size);
    }
  })();
  const damages: MemberDamage[] = [];
  let text = '';
  for await (const chunk of unpackGzip(chunks, (damage) => damages.push(damage))) {
    text += chunk;
  }
  return { text, damages };
}

/** Unpack bytes, and return the peak growth of the memory of live buffers, in MiB. */
async function peakOf(bytes: Buffer): Promise<number> {
  const chunks = (async function* () {
    yield bytes;
  })();
  gc();
  const before = process.memoryUsage().arrayBuffers;
  let peak = before;
  let count = 0;
  for await (const chunk of unpackGzip(chunks, () => {})) {
    count += 1;
    // A collection takes milliseconds, so make few. The chunk before damage is a short one.
    if (count % 128 === 0 || chunk.length % 65_536 > 0) {
      gc();
      peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    }
  }
  return (peak - before) / 2 ** 20;
}

/** Return nested members: the stored block of each contains a line of text and the next member. */
function nested(levels: number): Buffer {
  let inner: Buffer = Buffer.from([0xff]);
  for (let level = levels; level > 0; level -= 1) {
    const contents = Buffer.concat([Buffer.from('# tcpsynq 1\n'), inner]);
    const block = Buffer.alloc(5);
    // The block excludes the last byte, 0xff, which is the damage of the outermost member.
    const length = contents.length - 1;
    block.writeUInt16LE(length, 1);
    block.writeUInt16LE(length ^ 0xffff, 3);
    inner = Buffer.concat([FIRST.subarray(0, 10), block, contents]);
  }
  return inner;
}

const [ONE, TWO] = [capture(300, 70), capture(40, 9)];
const [FIRST, SECOND] = [gzipSync(ONE), gzipSync(TWO)];

/** Pack texts into one member without an end, with a flush after each. */
async function unfinished(texts: readonly string[]): Promise<Buffer> {
  const packer = createGzip();
  const out: Buffer[] = [];
  packer.on('data', (bytes) => out.push(bytes));
  for (const text of texts) {
    packer.write(text);
    await new Promise<void>((resolve) => packer.flush(resolve));
  }
  return Buffer.concat(out);
}

describe('members one after another', () => {
  test('are read, wherever the bytes are cut', async () => {
    const bytes = Buffer.concat([FIRST, SECOND, gzipSync(''), FIRST]);
    for (const size of [1, 7, 100, bytes.length]) {
      expect(await unpack(bytes, size)).toEqual({ text: ONE + TWO + ONE, damages: [] });
    }
  });

  test('may have a name, a comment and more in their headers', async () => {
    const header = Buffer.from('1f8b081f000000000003020061626e616d650063006666', 'hex');
    const bytes = Buffer.concat([FIRST, header, SECOND.subarray(10)]);
    expect(await unpack(bytes)).toEqual({ text: ONE + TWO, damages: [] });
  });

  test('may be cut within a line, and padded with zeros', async () => {
    const bytes = Buffer.concat([gzipSync('one\ntw'), gzipSync('o\n'), Buffer.alloc(512)]);
    expect(await unpack(bytes)).toEqual({ text: 'one\ntwo\n', damages: [] });
  });

  test('are read after zeros, which are damage', async () => {
    for (const zeros of [1, 512, 600_000]) {
      const bytes = Buffer.concat([FIRST, Buffer.alloc(zeros), SECOND, Buffer.alloc(9)]);
      expect(await unpack(bytes)).toEqual({
        text: ONE + TWO,
        damages: [{ near: FIRST.length, flushed: null }],
      });
    }
  });

  test('are looked for after zeros and other bytes', async () => {
    const bytes = Buffer.concat([FIRST, Buffer.alloc(9), Buffer.from('x'), SECOND]);
    const { text, damages } = await unpack(bytes);
    expect(text).toBe(ONE + TWO);
    expect(damages).toHaveLength(1);
  });

  test('of megabytes are read', async () => {
    const text = incident().repeat(3);
    expect((await unpack(gzipSync(text))).text === text).toBe(true);
  });
});

describe('a member that is cut', () => {
  test('gives its whole lines, and those after it are read, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: FIRST.length - 1 }),
        fc.integer({ min: 1, max: 9000 }),
        async (length, size) => {
          const alone = await unpack(FIRST.subarray(0, length), size);
          expect(ONE.startsWith(alone.text)).toBe(true);
          expect(alone.text).toMatch(/^(.*\n)*$/);
          expect(alone.damages).toMatchObject([{ flushed: null }]);
          const bytes = Buffer.concat([FIRST.subarray(0, length), SECOND, SECOND]);
          const { text, damages } = await unpack(bytes, size);
          expect(text.endsWith(TWO + TWO)).toBe(true);
          expect(text.startsWith(alone.text)).toBe(true);
          expect(damages).toHaveLength(1);
          expect(damages[0]?.near).toBeLessThanOrEqual(bytes.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('gives all up to its last flush, where it could be ended', async () => {
    const bytes = await unfinished([TWO, ONE]);
    const { text, damages } = await unpack(Buffer.concat([bytes, bytes, FIRST]));
    expect(text).toBe(TWO + ONE + TWO + ONE + ONE);
    expect(damages).toMatchObject([
      { flushed: { at: bytes.length, length: ONE.length + TWO.length } },
      { flushed: { at: 2 * bytes.length } },
    ]);
  });

  test('does not treat bytes that only look like a header as the next member', async () => {
    const decoys = Buffer.from('1f8b0800000000000003 1f8b08001f8b0800'.replaceAll(' ', ''), 'hex');
    const bytes = Buffer.concat([FIRST.subarray(0, 900), decoys, gzipSync('no capture\n'), SECOND]);
    const { text } = await unpack(bytes);
    expect(text.endsWith(TWO)).toBe(true);
    expect(text).not.toContain('no capture');
  });
});

test('a line of megabytes does not swallow the next member', async () => {
  const bytes = Buffer.concat([gzipSync(Buffer.alloc(1 << 22, 'x')).subarray(0, -9), SECOND]);
  const { text, damages } = await unpack(bytes);
  expect(text.endsWith(`x\n${TWO}`)).toBe(true);
  expect(damages).toHaveLength(1);
});

describe('memory', () => {
  const [long, short] = [80, 24].map((mib) => gzipSync(Buffer.alloc(mib << 20, 'x'))) as [
    Buffer,
    Buffer,
  ];

  // A chunk of 16 KiB unpacks to 16 MiB.
  test.each([
    ['a line of 80 MiB', long],
    ['damage in a line of 24 MiB', Buffer.concat([short.subarray(0, -5000), FIRST])],
  ])('%s takes less than 40 MiB', async (_what, bytes) => {
    // Take the lowest of three, because V8 may free buffers late.
    const peaks = [await peakOf(bytes), await peakOf(bytes), await peakOf(bytes)];
    expect(Math.min(...peaks)).toBeLessThan(40);
  });
});

test('timers and signals are served while much is unpacked from a little', async () => {
  const bytes = gzipSync(Buffer.alloc(64 << 20, 'C 9.0 2\n'));
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  await unpack(bytes);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(8);
});

describe('the time that it takes is bounded', () => {
  test('it looks no further after 16,384 headers that begin nothing', async () => {
    const decoy = Buffer.from('1f8b0800000000000003', 'hex');
    const decoys = (n: number) => Buffer.concat(Array.from({ length: n }, () => decoy));
    // A block of the reserved type: RFC 1951, 3.2.3.
    const cut = Buffer.concat([FIRST.subarray(0, 10), Buffer.from([7])]);
    const { text } = await unpack(Buffer.concat([cut, decoys(16_000), SECOND]));
    expect(text.endsWith(TWO)).toBe(true);
    const more = await unpack(Buffer.concat([cut, decoys(40_000), SECOND]));
    expect(more.text.endsWith(TWO)).toBe(false);
    expect(more.damages).toHaveLength(1);
  });

  test('it stops after 4,096 empty members', async () => {
    const empty = gzipSync('');
    const many = (n: number) => Array.from({ length: n }, () => empty);
    const { damages } = await unpack(Buffer.concat([...many(5000), SECOND]));
    expect(damages).toHaveLength(1);
    const { text } = await unpack(Buffer.concat([...many(4000), SECOND, ...many(4000)]));
    expect(text).toBe(TWO);
  });

  test('members in the text of a damaged one are not read again', async () => {
    const { text, damages } = await unpack(Buffer.concat([nested(180), SECOND]));
    expect(text.split('# tcpsynq 1\n')).toHaveLength(1 + 180 + 1);
    expect(text.endsWith(TWO)).toBe(true);
    expect(damages).toHaveLength(1);
  });

  test('it stops after 256 damages', async () => {
    const { damages } = await unpack(
      Buffer.concat(Array.from({ length: 300 }, () => SECOND.subarray(0, 100))),
    );
    expect(damages).toHaveLength(256);
  });

  test('800,000 flushes of 5 bytes', async () => {
    const flushes = Buffer.alloc(4_000_000, Buffer.from('000000ffff', 'hex'));
    const bytes = Buffer.concat([FIRST.subarray(0, 10), flushes, FIRST.subarray(10)]);
    expect(await unpack(bytes)).toEqual({ text: ONE, damages: [] });
  });

  test('it stops at the signal', async () => {
    const chunks = (async function* () {
      yield Buffer.concat([FIRST.subarray(0, 900), SECOND, SECOND]);
    })();
    const stop = new AbortController();
    const onDamage = () => stop.abort();
    let text = '';
    for await (const chunk of unpackGzip(chunks, onDamage, undefined, stop.signal)) {
      text += chunk;
    }
    expect(text).not.toBe('');
    expect(text).not.toContain(TWO);
  });
});

test('damage in the middle of a member costs the rest of it alone', async () => {
  const bytes = Buffer.concat([FIRST, SECOND]);
  bytes.fill(0xff, 600, 640);
  const { text, damages } = await unpack(bytes);
  expect(text.endsWith(TWO)).toBe(true);
  expect(damages).toHaveLength(1);
});

test('ends and does not throw for any input', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(FIRST.length), async (some, at) => {
      await unpack(Buffer.from(some));
      await unpack(Buffer.concat([FIRST.subarray(0, at), Buffer.from(some), FIRST.subarray(at)]));
    }),
    { numRuns: 50 },
  );
});

test('a possible member at every third byte lets timers run, and ends', async () => {
  const trap = Buffer.alloc(300_000, Buffer.from([0x1f, 0x8b, 0x08]));
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 1);
  const good = gzipSync(capture(2, 10));
  const { damages } = await unpack(Buffer.concat([good, trap]));
  clearInterval(timer);
  expect(damages.length).toBeGreaterThan(0);
  expect(ticks).toBeGreaterThan(5);
});
