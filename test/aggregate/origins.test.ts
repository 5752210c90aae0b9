import { expect, test } from 'vitest';
import { Origins } from '../../src/aggregate/origins.js';
import { StreamReader } from '../../src/stream/reader.js';

function originsOf(...lines: string[]): Origins {
  const origins = new Origins();
  const reader = new StreamReader();
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  for (const batches of [reader.push(bytes), reader.end()]) {
    for (const batch of batches) {
      origins.begin(batch);
    }
  }
  origins.finish();
  return origins;
}

const HEAD = ['# tcpsynq 1', '# kernel 6.1', '# netns 1', '# boot_id b', '# clock_offset 5.5'];
const COUNT = 'C 1.0 7';

test('one header, and each filter that was in force', () => {
  const { kept } = originsOf(
    ...HEAD,
    '# filter kinds=count port=80',
    '# C time half_open',
    COUNT,
    '# filter kinds=count port=81',
    COUNT,
    '# filter kinds=count port=80',
  );
  expect(kept).toEqual([
    {
      header: expect.objectContaining({
        kernel: '6.1',
        netns: '1',
        boot_id: 'b',
        clock_offset: 5.5,
      }),
      headers: 1,
      filters: ['kinds=count port=80', 'kinds=count port=81'],
    },
  ]);
});

test('parts of one capture are one origin, another boot is another', () => {
  const { kept } = originsOf(
    ...HEAD,
    '# filter a=1',
    ...HEAD,
    '# filter a=2',
    ...HEAD.map((line) => line.replace('boot_id b', 'boot_id c')),
  );
  expect(kept.map(({ headers, filters }) => ({ headers, filters }))).toEqual([
    { headers: 2, filters: ['a=1', 'a=2'] },
    { headers: 1, filters: [] },
  ]);
});

test('no header, no origin', () => {
  expect(originsOf(COUNT).kept).toEqual([]);
});

test('is bounded', () => {
  const lines = Array.from({ length: 100 }, (_, i) => [
    '# tcpsynq 1',
    `# netns ${i}`,
    ...Array.from({ length: 100 }, (_unused, j) => [`# filter port=${j}`, COUNT]).flat(),
  ]).flat();
  const { kept, forgotten } = originsOf(...lines);
  expect(kept).toHaveLength(16);
  expect(kept.every(({ filters }) => filters.length === 8)).toBe(true);
  expect(forgotten).toBe(84);
});
