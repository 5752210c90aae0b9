import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeFormat } from '../../src/capture/format.js';
import type { FormatName } from '../../src/capture/names.js';
import { type Plan, partName, partsOf, Rotated } from '../../src/capture/parts.js';
import { capture } from '../capture.js';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  path = join(directory, 'flood');
});
afterEach(() => rm(directory, { recursive: true }));

const plan = (more: Partial<Plan> = {}): Plan => ({
  path,
  meeting: 'refuse',
  rotation: { by: 'size', bytes: 4096 },
  keep: Number.POSITIVE_INFINITY,
  packing: null,
  sync: false,
  ...more,
});

async function write(
  text: string,
  size: number,
  more: Partial<Plan> = {},
  name: FormatName = 'raw',
) {
  const sink = await Rotated.open(plan(more));
  const format = makeFormat(name, name === 'csv' ? 'C' : null, Number.POSITIVE_INFINITY);
  for (let at = 0; at < text.length; at += size) {
    for (const piece of format.push(Buffer.from(text.slice(at, at + size)))) {
      await sink.write(piece);
    }
  }
  await sink.close();
  const files = (await readdir(directory)).sort();
  return { sink, files, texts: await Promise.all(files.map(read)) };
}

const read = (name: string) => readFile(join(directory, name), 'utf8');
const HEADER = capture(0, 0).replace(/^[^#].*\n/gm, '');
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
  beforeEach(async () => {
    await writeFile(partName(path, 7), 'old\n');
    await writeFile(join(directory, 'flood.other'), 'no part\n');
  });

  test('are refused', async () => {
    await expect(Rotated.open(plan())).rejects.toThrow(/flood\.000007 is there already: --force/);
  });

  test('are deleted', async () => {
    const { files } = await write(capture(1, 1), 100, { meeting: 'replace' });
    expect(files).toEqual(['flood.000001', 'flood.other']);
  });

  test('are gone on with, and count for those kept', async () => {
    const { files } = await write(capture(1, 1), 100, { meeting: 'append' });
    expect(files).toEqual(['flood.000007', 'flood.000008', 'flood.other']);
    expect(await partsOf(path)).toEqual([7, 8]);
    await write(capture(1, 1), 100, { meeting: 'append', keep: 2 });
    expect(await partsOf(path)).toEqual([8, 9]);
  });
});

test('a directory that is not there', async () => {
  await expect(Rotated.open(plan({ path: join(directory, 'none', 'x') }))).rejects.toThrow(
    /cannot write .*none.x: no such file or directory/,
  );
});
