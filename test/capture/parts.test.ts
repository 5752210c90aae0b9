import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeFormat } from '../../src/capture/format.js';
import type { FormatName } from '../../src/capture/names.js';
import { FilePart } from '../../src/capture/part.js';
import { partName, partsOf, Rotated, type RotationPlan } from '../../src/capture/parts.js';
import { capture } from '../capture.js';

let directory: string;
let path: string;
let reported: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  path = join(directory, 'flood');
  reported = [];
});
afterEach(() => rm(directory, { recursive: true }));

const plan = (more: Partial<RotationPlan> = {}): RotationPlan => ({
  path,
  meeting: 'refuse',
  rotation: { by: 'size', bytes: 4096 },
  keep: Number.POSITIVE_INFINITY,
  format: 'raw',
  packing: null,
  sync: false,
  report: async (text) => {
    reported.push(text);
  },
  ...more,
});

async function write(
  text: string,
  size: number,
  more: Partial<RotationPlan> = {},
  name: FormatName = 'raw',
) {
  const sink = await Rotated.open(plan({ ...more, format: name }));
  const format = makeFormat(name, name === 'csv' ? 'C' : null, Number.POSITIVE_INFINITY);
  try {
    for (let at = 0; at < text.length; at += size) {
      for (const piece of format.push(Buffer.from(text.slice(at, at + size)))) {
        await sink.write(piece);
      }
    }
  } finally {
    await sink.close();
  }
  const files = (await readdir(directory)).sort();
  return { sink, files, texts: await Promise.all(files.map(read)) };
}

const read = (name: string) => readFile(join(directory, name), 'utf8');
const HEADER = capture(0, 0).replace(/^[^#].*\n/gm, '');
const PROBE = '0.25 10.0.0.10:5001 10.0.0.1:43110 32 0x1c2e4a8 0x1c2e4a8 10 2147483647 57344 37\n';
const records = (texts: readonly string[]) =>
  texts.flatMap((text) => text.split('\n').filter((line) => /^[^#]/.test(line)));

test('names', () => {
  expect(partName('a/flood', 1)).toBe('a/flood.000001');
  expect(partName('a/flood.tsq', 1234567)).toBe('a/flood.tsq.1234567');
  expect(partName('flood.gz', 2)).toBe('flood.000002.gz');
  expect(partName('a/.gz', 2)).toBe('a/.gz.000002');
});

describe('by size', () => {
  test('no part is larger, each is whole lines with a header, none is missing or double', async () => {
    const text = capture(200, 5000);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 4096, max: 9000 }),
        fc.integer({ min: 1, max: 30_000 }),
        async (bytes, size) => {
          const { files, texts } = await write(text, size, {
            meeting: 'replace',
            rotation: { by: 'size', bytes },
          });
          expect(files.length).toBeGreaterThan(1);
          for (const part of texts) {
            expect(part.length).toBeLessThanOrEqual(bytes);
            expect(part.startsWith(HEADER)).toBe(true);
            expect(part.indexOf('# tcpsynq', 1)).toBe(-1);
            expect(part.endsWith('\n')).toBe(true);
          }
          expect(records(texts)).toEqual(records([text]));
        },
      ),
      { numRuns: 25 },
    );
  });

  test('no part is larger for the header lines at the end', async () => {
    const { texts } = await write(`${capture(1, 1)}${'# kernel x\n'.repeat(400)}`, 100);
    expect(texts.join('').length).toBeLessThanOrEqual(4096);
    expect(records(texts)).toEqual(records([capture(1, 1)]));
  });

  test('a header that comes at the start of a part is not there twice', async () => {
    const one = capture(80, 100);
    const { texts } = await write(one + one, one.length, {
      rotation: { by: 'size', bytes: one.length },
    });
    expect(texts).toEqual([one, one]);
  });

  test.each(['csv', 'ndjson'] as const)('%s: each part has its own first line', async (name) => {
    const { files, texts } = await write(capture(100, 10), 5000, {}, name);
    expect(files.length).toBeGreaterThan(1);
    const first = texts.map((part) => part.split('\n')[0]);
    expect(new Set(first).size).toBe(1);
    expect(first[0]).toMatch(name === 'csv' ? /^kind,time,half_open,/ : /^\{"kind":"#"/);
    expect(texts.flatMap((part) => part.trimEnd().split('\n').slice(1))).toHaveLength(101);
  });
});

test('the oldest go first', async () => {
  const { sink, files } = await write(capture(400, 10), 1000, { keep: 3 });
  expect(files).toHaveLength(3);
  const last = Number(files.at(-1)?.slice(-6));
  expect(files).toEqual([last - 2, last - 1, last].map((n) => partName('flood', n)));
  expect(sink.deleted).toBe(last - 3);
});

test('by time', async () => {
  const sink = await Rotated.open(plan({ rotation: { by: 'time', ms: 50 } }));
  const format = makeFormat('raw', null, Number.POSITIVE_INFINITY);
  for (const chunk of [capture(1, 1), 'C 2', '.0 1\n', 'C 3.0 1\n']) {
    for (const piece of format.push(Buffer.from(chunk))) {
      await sink.write(piece);
    }
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await sink.close();
  expect(await readdir(directory)).toHaveLength(3);
  expect(await read('flood.000002')).toBe(`${HEADER}C 2.0 1\n`);
  expect(await read('flood.000003')).toBe(`${HEADER}C 3.0 1\n`);
});

describe('parts that are there', () => {
  const old = capture(60, 9);

  beforeEach(async () => {
    await writeFile(partName(path, 7), old);
    await writeFile(join(directory, 'flood.other'), 'no part\n');
  });

  test('are refused', async () => {
    await expect(Rotated.open(plan())).rejects.toThrow(/flood\.000007 is there already: --force/);
  });

  test('are deleted when the first record comes', async () => {
    const sink = await Rotated.open(plan({ meeting: 'replace' }));
    expect(await partsOf(path)).toEqual([7]);
    await sink.close();
    expect(await partsOf(path)).toEqual([7]);
    const { files } = await write(capture(1, 1), 100, { meeting: 'replace' });
    expect(files).toEqual(['flood.000001', 'flood.other']);
  });

  test('are continued while there is room, and count toward --keep', async () => {
    const more = capture(1, 1);
    const room = { rotation: { by: 'size', bytes: old.length + more.length } } as const;
    await write(more, 100, { meeting: 'append', ...room });
    expect(await partsOf(path)).toEqual([7]);
    expect(await read('flood.000007')).toBe(old + more);
    await write(more, 100, { meeting: 'append', ...room });
    expect(await partsOf(path)).toEqual([7, 8]);
    await write(capture(100, 9), 100, { meeting: 'append', keep: 2, ...room });
    expect(await partsOf(path)).toEqual([8, 9]);
  });

  test('the last line of the last part is repaired', async () => {
    await writeFile(partName(path, 7), `${old}C 61.0 7`);
    await write(capture(1, 1), 100, {
      meeting: 'append',
      rotation: { by: 'size', bytes: 1 << 20 },
    });
    expect(await read('flood.000007')).toBe(old + capture(1, 1));
    expect(reported).toEqual([
      `${partName(path, 7)} ended in an unfinished line: cut off its 8 bytes`,
    ]);
  });

  test.each([
    ['full', { by: 'size', bytes: 1 }],
    ['old', { by: 'time', ms: 0 }],
  ] as const)('the last part is repaired also if it is %s', async (_, rotation) => {
    await writeFile(partName(path, 7), `${old}C 61.0 7`);
    await write(capture(1, 1), 100, { meeting: 'append', rotation });
    expect(await read('flood.000007')).toBe(old);
    const packed = { path: `${path}.gz`, meeting: 'append', rotation, packing: 'gzip' } as const;
    const cut = gzipSync(old, { finishFlush: constants.Z_SYNC_FLUSH });
    await writeFile(partName(packed.path, 1), cut);
    await write(capture(1, 1), 100, packed);
    expect(String(gunzipSync(await readFile(partName(packed.path, 1))))).toBe(old);
    expect((await partsOf(packed.path)).length).toBeGreaterThan(1);
  });

  test('a part of another format stays as it is', async () => {
    await writeFile(partName(path, 7), 'kind,time,half_open\n');
    await write(capture(1, 1), 100, { meeting: 'append' });
    expect(await read('flood.000007')).toBe('kind,time,half_open\n');
    expect(await read('flood.000008')).toBe(capture(1, 1));
  });

  test.each(['csv', 'ndjson'] as const)('%s goes on in the last part', async (name) => {
    for (const _ of [1, 2]) {
      await write(capture(1, 1), 100, { meeting: 'append', path: `${path}.${name}` }, name);
    }
    const rows = (await read(`flood.${name}.000001`)).trimEnd().split('\n');
    expect(rows).toHaveLength(name === 'csv' ? 1 + 2 * 2 : 2 + 2 * 2);
  });

  test('if the last part is old, --rotate TIME begins another', async () => {
    for (const ms of [60_000, 0]) {
      await write(capture(1, 1), 100, { meeting: 'append', rotation: { by: 'time', ms } });
    }
    expect(await read('flood.000007')).toBe(old + capture(1, 1));
    expect(await partsOf(path)).toContain(8);
  });
});

describe('a capture without a record', () => {
  test('makes no part, and deletes none', async () => {
    for (const text of ['', HEADER, `${HEADER}${HEADER}`]) {
      await write(capture(1, 1), 100, { meeting: 'append', rotation: { by: 'size', bytes: 1 } });
      const before = await partsOf(path);
      for (const meeting of ['append', 'replace'] as const) {
        await write(text, 50, { meeting, keep: 1 });
      }
      expect(await partsOf(path)).toEqual(before);
    }
  });

  test('however many header lines come, it makes no part, and deletes none', async () => {
    await write(capture(1, 1), 100, { meeting: 'append', rotation: { by: 'size', bytes: 1 } });
    const before = await partsOf(path);
    const filters = Array.from({ length: 150_000 }, (_, i) => `# filter x=${i}\n`).join('');
    await write(`${HEADER}${filters}`, 65_536, { meeting: 'append', keep: 1 });
    expect(await partsOf(path)).toEqual(before);
    // With a record it makes a part, which begins with the header in force.
    const { texts } = await write(
      `${HEADER}${filters}${capture(1, 1).replace(HEADER, '')}`,
      65_536,
      {
        meeting: 'append',
        rotation: { by: 'size', bytes: 1 << 21 },
      },
    );
    expect(texts.at(-1)).toContain('# filter x=149999\n');
    expect(texts.at(-1)?.startsWith('# tcpsynq 1\n')).toBe(true);
  });

  test('a megabyte of comments in small pieces takes no time', async () => {
    const comments = Array.from({ length: 100_000 }, (_, i) => `# a${i}\n`).join('');
    const text = `${HEADER}${comments}${capture(1, 1)}`;
    const { texts } = await write(text, 30, { rotation: { by: 'size', bytes: 1 << 21 } });
    expect(records(texts)).toEqual(records([text]));
  });

  test('a header goes into a part with its first record, wherever the bytes are cut', async () => {
    const text = capture(60, 9) + capture(60, 9);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 900 }), async (size) => {
        const { texts } = await write(text, size, { meeting: 'replace' });
        expect(records(texts)).toEqual(records([text]));
        for (const part of texts) {
          expect(part).toMatch(/\n[^#].*\n$/);
          expect(part.startsWith(HEADER)).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('files that are not parts of a capture', () => {
  const mine = {
    'flood.20261130': 'my notes\n',
    'flood.000004': '',
    'flood.000005': '# tcpsyn\n',
    'flood.0000001': capture(1, 1),
    'flood.000006': '3.14 is not a time\n',
    'flood.999999999999999': capture(1, 1),
  };

  beforeEach(async () => {
    for (const [name, text] of Object.entries(mine)) {
      await writeFile(join(directory, name), text);
    }
    await mkdir(partName(path, 2));
    await symlink(join(directory, 'flood.0000001'), partName(path, 3));
  });

  test.each(['replace', 'append', 'refuse'] as const)(
    'stay, and do not count: %s',
    async (meeting) => {
      const sink = await Rotated.open(plan({ meeting, keep: 2 }));
      const format = makeFormat('raw', null, Number.POSITIVE_INFINITY);
      for (const piece of format.push(Buffer.from(capture(400, 9)))) {
        await sink.write(piece);
      }
      await sink.close();
      for (const [name, text] of Object.entries(mine)) {
        expect(await read(name)).toBe(text);
      }
      const parts = await partsOf(path);
      expect(parts).toHaveLength(2);
      expect(parts[0]).toBeGreaterThan(6);
      expect(parts[1]).toBeLessThan(20);
      expect(reported).toEqual([]);
    },
  );

  test('no number is left', async () => {
    await writeFile(partName(path, 999_999_999), capture(1, 1));
    await expect(
      write(capture(1, 1), 100, { meeting: 'append', rotation: { by: 'size', bytes: 1 } }),
    ).rejects.toThrow('no number is left after');
    expect(await readdir(directory)).not.toContain('flood.1000000000');
  });

  test('are recognised by their first bytes, packed too', async () => {
    await writeFile(partName(`${path}.gz`, 1), gzipSync(capture(1000, 9)).subarray(0, -9));
    await writeFile(partName(`${path}.gz`, 2), gzipSync('no capture\n'));
    await writeFile(partName(`${path}.gz`, 3), gzipSync('kind,time,half_open\n'));
    await writeFile(partName(`${path}.gz`, 4), gzipSync(PROBE));
    expect(await partsOf(`${path}.gz`)).toEqual([1, 3, 4]);
  });
});

test('a part that cannot be deleted stays, is reported once, and the capture goes on', async ({
  skip,
}) => {
  await write(capture(300, 9), 1000);
  const before = await partsOf(path);
  const locked = before.slice(0, 2).map((number) => partName(path, number));
  const change = (flag: string) => spawnSync('chattr', [flag, ...locked]).status;
  skip(change('+i') !== 0, 'chattr +i takes root and a file system that knows it');
  try {
    const { texts } = await write(capture(300, 9), 1000, { meeting: 'append', keep: 2 });
    expect(reported).toEqual([`cannot delete ${locked[0]}: operation not permitted; it stays`]);
    expect(await partsOf(path)).toHaveLength(4);
    expect(records(texts.slice(-2)).at(-1)).toBe(records([capture(300, 9)]).at(-1));
  } finally {
    change('-i');
  }
});

test('a directory that is not there', async () => {
  await expect(Rotated.open(plan({ path: join(directory, 'none', 'x') }))).rejects.toThrow(
    /cannot write .*none.x: no such file or directory/,
  );
});

test.each(['a file', 'a link', 'a pipe'])('%s of that name is left alone', async (kind) => {
  const mine = join(directory, 'mine');
  await writeFile(mine, 'mine');
  if (kind === 'a pipe') {
    spawnSync('mkfifo', [path]);
  } else {
    await (kind === 'a link' ? symlink(mine, path) : writeFile(path, 'mine'));
  }
  expect(await FilePart.make(path, null, false)).toBeNull();
  expect(await read('mine')).toBe('mine');
});

test('a name that another user takes just now is skipped', async () => {
  const make = FilePart.make;
  const spy = vi.spyOn(FilePart, 'make').mockImplementation(async (name, ...more) => {
    if (name === partName(path, 2)) {
      await writeFile(name, 'not ours', { flag: 'wx' });
    }
    return make.call(FilePart, name, ...more);
  });
  try {
    const { files } = await write(capture(400, 9), 500, { keep: 9 });
    expect(files.slice(0, 3)).toEqual(['flood.000001', 'flood.000002', 'flood.000003']);
    expect(await read('flood.000002')).toBe('not ours');
  } finally {
    spy.mockRestore();
  }
});
