import { mkdtemp, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture, countLine } from '../capture.js';
import { bash, onTerminal, run, start } from '../command.js';
import { eventually } from '../eventually.js';

// What `capture` does as a process: how it stops, what it leaves then, and the command it runs.

let top: string;
const text = capture(120, 65_536);

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'tcpsynq-capture-'));
});
afterAll(() => rm(top, { recursive: true }));

/** A folder of its own for a test: they run at the same time. */
async function place() {
  const directory = await mkdtemp(join(top, 'test-'));
  const [file, out] = [join(directory, 'in'), join(directory, 'out')];
  await writeFile(file, text);
  return { directory, file, out };
}

const read = (path: string) => readFile(path, 'utf8');
const SUMMARY = /^tcpsynq: 121 records in .*, 7\.7 KiB in .*\/out, lost 0\n$/;

/** Wait until the whole text is in a file. */
async function written(path: string): Promise<void> {
  const size = async () => (await stat(path).catch(() => null))?.size;
  await eventually(`${text.length} bytes in ${path}`, async () => (await size()) === text.length);
}

/** Start a capture from stdin, and wait until its first lines are in the file. */
async function underWay(out: string, args: readonly string[] = []) {
  const started = start(['capture', '-i', '-', ...args, out]);
  started.child.stdin?.write(text);
  await written(out);
  return started;
}

describe.concurrent('what goes wrong', () => {
  test('half a line fits', async () => {
    const { file, out } = await place();
    // ulimit counts kilobytes: 4096 bytes end within a line.
    const { stderr, code } = await bash(`ulimit -f 4; $T capture -i ${file} ${out}`);
    expect(stderr).toMatch(/cannot write .*: file too large; what it holds is whole lines\n$/);
    expect(code).toBe(1);
    const held = await read(out);
    expect(held.length).toBeGreaterThan(3900);
    expect(text.startsWith(held) && held.endsWith('\n')).toBe(true);
    const missing = text.split('\n').length - held.split('\n').length;
    expect(stderr).toContain(`last lines not written: ${missing}`);
  });

  test('stdout is full', async () => {
    const { file } = await place();
    const { stderr, code } = await bash(`$T capture -i ${file} - >/dev/full`);
    expect(stderr).toMatch(/cannot write: no space left on device\n$/);
    expect(code).toBe(1);
  });

  test('nobody reads stdout', async () => {
    const { stdout, stderr } = await bash(
      `yes '${countLine(1, {})}' | $T capture -i - - | head -1; echo "\${PIPESTATUS[1]}"`,
    );
    expect(stdout).toBe(`${countLine(1, {})}\n0\n`);
    expect(stderr).toBe('');
  });

  test('the file is deleted meanwhile', async () => {
    const { out } = await place();
    const started = await underWay(out);
    await unlink(out);
    started.child.stdin?.write(`${countLine(121, {})}\n`);
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/out was deleted while it was written: what it held is gone\n$/);
    expect(code).toBe(1);
  });
});

describe.concurrent('stopped', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s', async (signal) => {
    const { out } = await place();
    const started = await underWay(out);
    started.child.stdin?.write('C 121.0 5');
    started.child.kill(signal);
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/tcpsynq: 121 records in .*\n$/);
    expect(code).toBe(0);
    expect(await read(out)).toBe(text);
  });

  test('by --duration', async () => {
    const { out } = await place();
    const { code } = await (await underWay(out, ['--duration', '1s'])).ended();
    expect(code).toBe(0);
    expect(await read(out)).toBe(text);
  });

  test('by SIGKILL: nothing that had come is missing', async () => {
    const { out } = await place();
    const started = await underWay(out);
    started.child.kill('SIGKILL');
    expect((await started.ended()).signal).toBe('SIGKILL');
    expect(await read(out)).toBe(text);
  });

  test('by SIGKILL, packed: what had come a second before can be read', async () => {
    const { out } = await place();
    const started = start(['capture', '-i', '-', '--compress', out]);
    started.child.stdin?.write(text);
    const unpacked = async () =>
      String(gunzipSync(await readFile(out), { finishFlush: constants.Z_SYNC_FLUSH }));
    await eventually(
      `all of the text in ${out}`,
      async () => (await unpacked().catch(() => '')) === text,
    );
    started.child.kill('SIGKILL');
    await started.ended();
    const watched = await run(['watch', '-i', out]);
    expect(watched.stdout.trimEnd().split('\n')).toHaveLength(122);
    expect(watched.stderr).toMatch(
      /the gzip data is damaged or cut short near byte \d+; what could/,
    );
    const zcat = await bash(`zcat ${out}`);
    expect(zcat.stdout).toBe(text);
  });
});

describe.concurrent('-- COMMAND', () => {
  const during = (out: string, script: string) => {
    const started = start(['capture', '-i', '-', out, '--', 'sh', '-c', script]);
    started.child.stdin?.write(text);
    return started;
  };

  /** A line of shell that waits until the whole text is in a file. */
  const untilWhole = (out: string) =>
    `until [ "$(wc -c <${out})" -eq ${text.length} ]; do sleep 0.05; done`;

  test('ends with its exit status, and passes on what it prints', async () => {
    const { out } = await place();
    const { stdout, stderr, code } = await during(
      out,
      `${untilWhole(out)}; echo hello; exit 7`,
    ).ended();
    expect(stdout).toBe('hello\n');
    expect(stderr).toMatch(SUMMARY);
    expect(code).toBe(7);
    expect(await read(out)).toBe(text);
  });

  test('gets its arguments as they are', async () => {
    const { out } = await place();
    const words = ['capture', '-i', '-', out, '--', 'printf', '%s|', '--compress', '-n', 'a b'];
    const started = start(words);
    started.child.stdin?.write(text);
    expect(await started.ended()).toMatchObject({ stdout: '--compress|-n|a b|', code: 0 });
  });

  test('signals go to it', async () => {
    const { out } = await place();
    const started = during(
      out,
      'trap "echo got; exit 3" TERM; echo ready; while :; do sleep 0.1; done',
    );
    await started.until(/ready/);
    started.child.kill('SIGTERM');
    expect(await started.ended()).toMatchObject({ stdout: 'ready\ngot\n', code: 3 });
    expect(await read(out)).toBe(text);
  });

  test('killed by a signal: 128 and its number', async () => {
    const { out } = await place();
    expect((await during(out, 'kill -KILL $$').ended()).code).toBe(137);
  });

  test.each([
    ['no-such-command', 'no such file or directory', 127],
    ['/etc/passwd', 'permission denied', 126],
  ])('that cannot be run: %s', async (command, why, status) => {
    const { out } = await place();
    const { stderr, code } = await start(['capture', '-i', '-', out, '--', command]).ended();
    expect(stderr.split('\n')[0]).toBe(`tcpsynq: cannot run ${command}: ${why}`);
    expect(code).toBe(status);
  });

  test('goes on when the disk is full', async () => {
    const { stdout, stderr, code } = await during('/dev/full', 'sleep 1; echo done').ended();
    expect(stdout).toBe('done\n');
    expect(stderr).toMatch(/cannot write \/dev\/full/);
    expect(code).toBe(1);
  });
});

test.concurrent.each([40, 200])('progress on a terminal of %d columns', async (columns) => {
  const { out } = await place();
  const started = onTerminal(['capture', '-i', '-', out], { columns, rows: 10 });
  started.child.stdin?.write(text.replaceAll('\n', '\r'));
  await started.until(/\r\d+ records {3}[\d.]+\/s {3}[\d.]+ \w+/);
  started.child.stdin?.write('\u0003');
  const { stdout, code } = await started.ended();
  const shown = stdout.split('\u001b[K')[0]?.split('\r').at(-1) ?? '';
  expect(shown).toMatch(/^\d+ records/);
  expect(shown.length).toBeLessThan(columns);
  expect(stdout).toContain(`\u001b[Ktcpsynq: `);
  expect(code).toBe(0);
});
