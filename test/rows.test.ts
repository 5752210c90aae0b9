import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeBuild } from './vm/rows.ts';

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

describe('the build of a kernel', () => {
  test.each([
    [
      'Debian 6.1.192, gcc 12.2.0',
      'Linux version 6.1.0-57-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1 (2026-11-10)',
    ],
    [
      'Debian, gcc 14.2.0',
      'Linux version 7.3.4+deb13-amd64 (debian-kernel@lists.debian.org) (x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0, GNU ld (GNU Binutils for Debian) 2.44) #1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1~bpo13+1 (2026-11-15)',
    ],
    [
      'Debian 6.1.192 PREEMPT_RT, gcc 12.2.0',
      'Linux version 6.1.0-56-rt-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_RT Debian 6.1.192-1 (2026-11-10)',
    ],
    [
      'almalinux.org, gcc 8.5.0',
      'Linux version 4.18.0-513.9.1.el8_9.x86_64 (mockbuild@x64-builder02.almalinux.org) (gcc version 8.5.0 20210514 (Red Hat 8.5.0-20) (GCC)) #1 SMP Sat Dec 2 05:23:44 EST 2023',
    ],
    [
      'own build, gcc 12.2.0',
      'Linux version 4.14.32 (root@lab) (gcc version 12.2.0 (Debian 12.2.0-14+deb12u1)) #1 SMP Mon Nov 30 01:00:00 UTC 2026',
    ],
    [
      'own build, clang 16.0.6',
      'Linux version 6.1.192 (root@lab) (Debian clang version 16.0.6 (15~deb12u1), Debian LLD 16.0.6) #1 SMP PREEMPT_DYNAMIC Mon Nov 30 01:00:00 UTC 2026',
    ],
  ])('%s', (build, text) => expect(describeBuild(text)).toBe(build));
});

describe('rows of a run in the guest', () => {
  /** Run vitest with the reporter on a file of tests, and return the rows it writes. */
  function report(tests: string, ...args: string[]): { rows: string[][]; output: string } {
    const file = join(folder, 'rows');
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    write('package.json', ['{ "type": "module" }']);
    write('vitest.config.js', [
      `export default { test: { reporters: [[${JSON.stringify(resolve('test/vm/counts.ts'))}, { file: ${JSON.stringify(file)} }]] } };`,
    ]);
    write('exact.test.ts', [
      "import { beforeAll, describe, expect, test } from 'vitest';",
      "test('adds', () => expect(1 + 1).toBe(2));",
      tests,
    ]);
    const vitest = resolve('node_modules/vitest/vitest.mjs');
    const { stdout } = spawnSync(process.execPath, [vitest, 'run', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, FLOOD: '2000' },
    });
    const text = existsSync(file) ? readFileSync(file, 'utf8').trimEnd() : '';
    return {
      rows: text.split('\n').map((line) => line.split('\t')),
      output: stdout.trimEnd(),
    };
  }

  test('keep the reasons of skipped tests, and begin as not finished', () => {
    const { rows, output } = report(`
      test('joins', ({ skip }) => skip(true, 'no MPTCP'));
      test('moves', ({ skip }) => skip(true, 'no MPTCP'));`);
    expect(rows.map((cells) => cells.slice(3, 8))).toEqual([
      ['exact', '2000', '0', '1', '0'],
      ['exact', '2000', '1', '0', '2'],
    ]);
    expect(rows[0]?.[9]).toBe('did not finish');
    expect(rows[1]?.[9]).toBe('skipped: no MPTCP (2 tests)');
    expect(output).toBe('exact: 1 of 1 +2');
  });

  test('count tests as failed when a hook fails', () => {
    const { rows } = report(`
      describe('races', () => {
        beforeAll(() => expect(1).toBe(2));
        test('one', () => {});
        test('two', () => {});
      });`);
    expect(rows.at(-1)?.slice(5, 8)).toEqual(['1', '2', '0']);
    expect(rows.at(-1)?.[9]).toBe('failed: one, two');
  });

  test('count a file that cannot be loaded as failed', () => {
    const { rows } = report("throw new Error('no guest');");
    expect(rows.at(-1)?.slice(5, 8)).toEqual(['0', '1', '0']);
  });

  test('are not left by a part of a file', () => {
    const { rows, output } = report("test('fails', () => expect(1).toBe(2));", '-t', 'fails');
    expect(rows).toEqual([['']]);
    expect(output).toBe('exact: 0 of 1');
  });

  test('are not left by a file with a test that is alone', () => {
    expect(report("test.only('alone', () => {});", '--allowOnly').rows).toEqual([['']]);
  });
});

describe('lab/record', () => {
  const started = '6.12.1\tx86-64\tDebian, gcc 14.2.0\tvm/exact\t2000\t0\t1\t0\t0\tdid not finish';
  const ended =
    '6.12.1\tx86-64\tDebian, gcc 14.2.0\tvm/exact\t2000\t30\t0\t1\t61\tskipped: no MPTCP';
  const icount = '-accel tcg,thread=single -icount shift=0 -smp 2';

  /** Record a run, and return the cells of its rows from the date on. */
  function record(lines: readonly string[], status: number): string[][] {
    const tree = script('record', 'tree').trim();
    script('record', 'rows', write('rows', lines), tree, icount, String(status));
    const text = readFileSync(join(folder, 'results.tsv'), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t').slice(4));
  }

  test('adds date, commit and accelerator to the last row of a file', () => {
    expect(record([started, ended], 0)).toEqual([
      [
        expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/),
        expect.stringMatching(/^([0-9a-f]{12}(-dirty)?|-)$/),
        'tcg icount',
        ...['2000', '30', '0', '1', '61', 'ok', 'skipped: no MPTCP'],
      ],
    ]);
  });

  test('keeps a file that did not finish, but not when someone ended the run', () => {
    expect(record([started], 0)).toEqual([]);
    expect(record([started], 130)).toEqual([]);
    expect(record([started], 125)[0]?.slice(3)).toEqual([
      '2000',
      '0',
      '1',
      '0',
      '0',
      'failed',
      'did not finish',
    ]);
  });

  test('says that the guest failed where no test did', () => {
    expect(record([started, ended], 1)[0]?.[8]).toBe('failed');
    expect(record([started, ended], 125)[1]?.[8]).toBe('failed');
  });

  test('marks a run whose tree has changed meanwhile', () => {
    script('record', 'rows', write('rows', [ended]), '000000000000', '-accel kvm', '0');
    expect(readFileSync(join(folder, 'results.tsv'), 'utf8')).toContain(
      '\t000000000000-dirty\tkvm\t',
    );
  });
});
