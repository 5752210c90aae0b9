import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

const script = (name: string, ...args: string[]): string =>
  execFileSync(join('lab', name), args, {
    encoding: 'utf8',
    env: { ...process.env, TCPSYNQ_CACHE: folder },
  });

const HEAD =
  'kernel arch build suite date commit accel flood passed failed skipped seconds guest note'
    .split(' ')
    .join('\t');

interface Cells {
  kernel: string;
  build: string;
  suite: string;
  date: string;
  commit: string;
  passed: number;
  failed: number;
  skipped: number;
  guest: string;
}

function row(cells: Partial<Cells>): string {
  const c = {
    kernel: '6.1.0-57-amd64',
    build: 'Debian 6.1.192, gcc 12.2.0',
    suite: 'vm/exact',
    date: '2026-12-01T10:00',
    commit: 'aaaaaaaaaaaa',
    passed: 31,
    failed: 0,
    skipped: 0,
    guest: 'ok',
    ...cells,
  };
  return [
    ...[c.kernel, 'x86-64', c.build, c.suite, c.date, c.commit, 'tcg', 2000],
    ...[c.passed, c.failed, c.skipped, 60, c.guest, '-'],
  ].join('\t');
}

const merge = (old: readonly string[], found: readonly string[]): string[] =>
  script(
    'results',
    'merge',
    write('old', [HEAD, ...old]),
    write('new', found),
    write('commits', ['aaaaaaaaaaaa', 'bbbbbbbbbbbb']),
  )
    .trimEnd()
    .split('\n')
    .slice(1);

test('keeps the newest row per kernel, build and suite, sorted', () => {
  const newest = row({ date: '2026-12-02T10:00', passed: 30, failed: 1 });
  const older = row({ date: '2026-11-30' });
  const files = row({ suite: 'vm/files', commit: 'bbbbbbbbbbbb' });
  const other = row({ kernel: '6.12.117+deb13-amd64' });
  const rebuilt = row({ build: 'own build, gcc 12.2.0' });
  const merged = merge([other, older], [newest, rebuilt, files, row({})]);
  expect(merged).toEqual([newest, files, rebuilt, other]);
  expect(merge(merged, [])).toEqual(merged);
});

test('keeps rows that were entered by hand until a newer one replaces them', () => {
  const old = row({ commit: '-', date: '2026-11-30' });
  expect(merge([old], [row({ suite: 'vm/files' })])).toContain(old);
  expect(merge([old], [row({})])).toEqual([row({})]);
});

test('takes no row of a changed tree, or of a commit that is not in HEAD', () => {
  const unfit = ['aaaaaaaaaaaa-dirty', 'cccccccccccc', '-'];
  expect(
    merge(
      [],
      unfit.map((commit) => row({ commit })),
    ),
  ).toEqual([]);
});

const tables = (...rows: string[]): string[] =>
  script('results', 'tables', write('results.tsv', [HEAD, ...rows]))
    .trimEnd()
    .split('\n');

test('shows a kernel a line, a suite a column, the date of the newest row', () => {
  const kernel = '6.12.117+deb13-amd64';
  expect(
    tables(
      row({ date: '2026-11-30' }),
      row({ suite: 'vm/files', passed: 50, skipped: 3 }),
      row({ kernel, suite: 'debug/churn', passed: 5 }),
      row({ kernel, date: '2026-12-03T09:00' }),
    ),
  ).toEqual([
    '| kernel | architecture | build | newest | exact | files |',
    '| --- | --- | --- | --- | --- | --- |',
    '| 6.1.0-57-amd64 | x86-64 | Debian 6.1.192, gcc 12.2.0 | 2026-12-01 | 31/31 | 50/50 +3 |',
    '| 6.12.117+deb13-amd64 | x86-64 | Debian 6.1.192, gcc 12.2.0 | 2026-12-03 | 31/31 |  |',
    '',
    '| kernel | architecture | build | newest | churn |',
    '| --- | --- | --- | --- | --- |',
    '| 6.12.117+deb13-amd64 | x86-64 | Debian 6.1.192, gcc 12.2.0 | 2026-12-01 | 5/5 |',
  ]);
});

test('shows what failed as failed', () => {
  const [, , line] = tables(
    row({ passed: 29, failed: 2 }),
    row({ suite: 'vm/files', guest: 'failed' }),
    row({ suite: 'vm/limits', passed: 0, failed: 1, guest: 'failed' }),
  );
  expect(line).toContain('| **29/31** | 31/31 ! | **0/1** ! |');
});

test('writes between the markers, and only there', () => {
  const page = write('page', [
    'before',
    '<!-- results of lab/results -->',
    'stale',
    '<!-- end of results -->',
    'after',
  ]);
  const rows = write('results.tsv', [HEAD, row({})]);
  const made = script('results', 'page', rows, page);
  expect(made).toMatch(/^before\n<!-- results .*-->\n\| kernel [\s\S]*31\/31[\s\S]*-->\nafter\n$/);
  expect(made).not.toContain('stale');
  writeFileSync(page, made);
  expect(script('results', 'page', rows, page)).toBe(made);
});

test('refuses a page without markers', () => {
  const rows = write('results.tsv', [HEAD, row({})]);
  expect(() => script('results', 'page', rows, write('page', ['before']))).toThrow(/markers/);
});
