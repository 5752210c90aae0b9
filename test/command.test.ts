import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture, countLine, eventCapture } from './capture.js';
import { named, run, spawned, start } from './command.js';

// Output, files and exit status of the command on a host without the module, if stdout is not a
// terminal: rows of test/terminal.md. Each test is named after its row.

let directory: string;
let file: string;

beforeAll(async () => {
  if (existsSync('/sys/module/tcpsynq')) {
    throw new Error('these tests are for a host without the module: rmmod tcpsynq');
  }
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  await chmod(directory, 0o755);
  file = join(directory, 'capture');
  await writeFile(file, capture(120, 65_536));
});

afterAll(() => rm(directory, { recursive: true }));

const NOT_LOADED = 'tcpsynq: the tcpsynq module is not loaded: ';
const LOAD_IT =
  /^tcpsynq: the tcpsynq module is not loaded: load it with `modprobe tcpsynq`.*insmod kmod\/tcpsynq\.ko`\n$/;
const FALLBACK =
  /^tcpsynq: the tcpsynq module is not loaded: reading \/proc\/net\/\{tcp,tcp6,netstat\}; not known there: .*\n$/;

describe('no module', () => {
  test('count', async () => {
    const { stdout, stderr, code } = await run(['count']);
    expect(stdout).toMatch(/^half_open \d+\ncookies \d+\n/);
    expect(stderr).toMatch(FALLBACK);
    expect(code).toBe(0);
  });

  test('count --json', async () => {
    const { stdout, stderr, code } = await run(['count', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      source: 'proc',
      half_open: expect.any(Number),
      not_known: expect.arrayContaining(['limits of the SYN queues']),
    });
    expect(stdout.split('\n')).toHaveLength(2);
    expect(stderr).toMatch(FALLBACK);
    expect(code).toBe(0);
  });

  test('count --by state', async () => {
    const { stdout, code } = await run(['count', '--by', 'state']);
    expect(stdout).toMatch(/^state +sockets\n/);
    expect(code).toBe(0);
  });

  test('watch', async () => {
    const { stdout, stderr, code } = await run(['watch', '-n', '2', '--interval', '100ms']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^time +half_open +peak +added\/s +completed\/s/);
    expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z +\d+ +\d+ +-/);
    expect(stderr.split('\n')[0]).toContain(NOT_LOADED);
    expect(code).toBe(0);
  });

  test('watch --json', async () => {
    const { stdout, code } = await run(['watch', '--json', '-n', '2', '--interval', '100ms']);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects).toHaveLength(2);
    expect(objects[1]).toMatchObject({ event: 'count', source: 'proc', per_second: { net: 0 } });
    expect(objects[1].not_known).toContain('peaks between two readings');
    expect(code).toBe(0);
  });

  test.each(
    named([
      [['listeners']],
      [['listeners', '--json']],
      [['events']],
      [['events', '--top', '-i', 'module']],
      [['listeners', '--watch']],
      [['diagnose']],
      [['diagnose', '--json']],
      [['status']],
      [['status', '--audit', '--json']],
      [['count', '--by', 'cpu']],
      [['count', '-i', 'module']],
      [['watch', '-i', 'module']],
    ]),
  )('`%s`', async (_line, args) => {
    const { stdout, stderr, code } = await run(args);
    expect(stdout).toBe('');
    expect(stderr).toMatch(LOAD_IT);
    expect(code).toBe(1);
  });

  test('diagnose --check', async () => {
    const { stdout, stderr, code } = await run(['diagnose', '--check']);
    expect(stdout).toMatch(/^TCPSYNQ UNKNOWN - the tcpsynq module is not loaded: .*\n$/);
    expect([stderr, code]).toEqual(['', 3]);
  });
});

describe('wrong usage', () => {
  test.each(
    named([
      [[], 'Usage: tcpsynq'],
      [['watch', '--frobnicate'], "unknown option '--frobnicate'"],
      [['wach'], "unknown command 'wach'"],
      [['watch', '--interval', '3'], "argument '3' is invalid"],
      [['watch', '-n', '0'], "argument '0' is invalid"],
      [['count', '--by', 'port'], 'Allowed choices are cpu, state'],
      [['watch', '--follow'], '--follow needs a capture file'],
      [['watch', '--speed', '2'], '--speed replays a capture'],
      [['watch', '--speed', '0'], 'It takes a factor from 0.001'],
      [['watch', '-i', 'x', '--interval', '1s'], '--interval has no meaning'],
      [['watch', '-i', 'x', '--netns', '1'], '--netns has no meaning'],
      [['count', '-i', 'x', '--by', 'state'], 'no meaning for a capture'],
      [['watch', '--spark', '--json'], '--spark and --json exclude each other'],
      [['count', '-i', 'x', '--speed', '2'], '--speed has no meaning'],
      [['diagnose', '-i', 'x', '--speed', '2'], '--speed has no meaning'],
      [['listeners', '-i', 'proc'], 'takes auto or module here'],
      [['listeners', '--interval', '1s'], '--interval needs --watch'],
      [['diagnose', '-i', 'proc'], 'takes auto, module, a file or -'],
      [['diagnose', '-i', 'x', '--for', '5s'], '--for has no meaning for a capture'],
      [['diagnose', '--for', '1s'], '--for takes 2s or more'],
      [['count', '--netns', 'a/b'], 'not "a/b"'],
    ]),
  )('`%s`', async (_line, args, message) => {
    const { stdout, stderr, code } = await run(args);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe('files', () => {
  test.each([
    ['none', 'no such file or directory'],
    ['.', 'it is a directory'],
  ])('says that it cannot read %s', async (name, why) => {
    for (const command of ['watch', 'count']) {
      const { stdout, stderr, code } = await run([command, '-i', join(directory, name)]);
      expect(stdout).toBe('');
      expect(stderr).toBe(`tcpsynq: cannot read ${join(directory, name)}: ${why}\n`);
      expect(code).toBe(1);
    }
  });

  test('without records', async () => {
    const { stdout, stderr, code } = await run(['watch', '-i', '-'], 'hello\n');
    expect(stdout).toBe('');
    expect(stderr).toContain('standard input holds no tcpsynq records (line 1: not a record');
    expect(code).toBe(1);
  });

  test('a capture', async () => {
    const { stdout, stderr, code } = await run(['watch', '-i', file]);
    expect(stdout.split('\n')).toHaveLength(123);
    expect(stdout).toContain('2026-09-21T14:13:20.123Z');
    expect(stderr).toMatch(/^tcpsynq: 121 counts in 2 min: half-open 0, peak 65536.*\n$/);
    expect(code).toBe(0);
  });

  test('with a damaged line', async () => {
    const lines = [countLine(1, {}), 'C 2.0 what', countLine(3, {}), '\u0000\u0000', ''];
    const { stdout, stderr, code } = await run(['watch', '-i', '-'], lines.join('\n'));
    expect(stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(stderr).toContain(`tcpsynq: skipped line 2: 2 columns where the header has 18\n`);
    expect(stderr).toContain('tcpsynq: skipped 2 lines of standard input in all\n');
    expect(code).toBe(0);
  });
});

describe('diagnose', () => {
  test('a capture', async () => {
    const { stdout, stderr, code } = await run(['diagnose', '-i', file]);
    expect(stdout).toMatch(/^FLOOD\n {2}why {5}\d+ handshakes in 2 min: 0 % completed, /);
    expect(stdout).toMatch(/\n {2}do {6}sysctl -w net\.ipv4\.tcp_syncookies=1\n/);
    expect([stderr, code]).toEqual(['', 0]);
  });

  test('--json', async () => {
    const { stdout, code } = await run(['diagnose', '--json', '-i', '-'], capture(10, 5000));
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'flood', listener: null });
    expect(code).toBe(0);
  });

  test('an event without a number is skipped, though time jumps after it', async () => {
    const far = 4_000_000_000_000;
    const lines = [
      countLine(1, {}),
      'R 2.0 10.9.0.1:80 9.9.9.9:9 1 completed - 0',
      countLine(far, {}),
      `A ${far}.5 10.9.0.1:80 9.9.9.9:9 1 9`,
    ];
    const input = `${eventCapture([])}${lines.join('\n')}\n`;
    const started = start(['diagnose', '-i', '-']);
    started.child.stdin?.end(input);
    await started.says(/skipped line 12: age_us is not a whole number from 0 on/);
    expect((await started.ended()).code).toBe(0);
  });

  test.each([
    [capture(10, 5000), /^TCPSYNQ WARNING - FLOOD \| half_open=0;;;0; /, 1],
    [capture(10, 0), /^TCPSYNQ OK - IDLE: /, 0],
    [capture(1, 0), /^TCPSYNQ UNKNOWN - standard input was seen for 1 s only/, 3],
    ['', /^TCPSYNQ UNKNOWN - standard input holds no counts/, 3],
  ])('--check %#', async (input, line, status) => {
    const { stdout, stderr, code } = await run(['diagnose', '--check', '-i', '-'], input);
    expect(stdout).toMatch(line);
    expect(stdout.split('\n')).toHaveLength(2);
    expect([stderr, code]).toEqual(['', status]);
  });

  test('--check with an option that excludes it', async () => {
    const { stdout, code } = await run(['diagnose', '--check', '--json']);
    expect(stdout).toBe('TCPSYNQ UNKNOWN - --check and --json exclude each other\n');
    expect(code).toBe(3);
  });

  test('too short', async () => {
    const { stdout, stderr, code } = await run(['diagnose', '-i', '-'], capture(1, 0));
    expect(stdout).toBe('');
    expect(stderr).toBe('tcpsynq: standard input was seen for 1 s only: it takes 2 s to tell\n');
    expect(code).toBe(1);
  });
});

describe('namespaces', () => {
  test('of a process', async () => {
    const { stdout, code } = await run(['count', '--json', '--netns', String(process.pid)]);
    expect(JSON.parse(stdout)).toMatchObject({
      from: `/proc/${process.pid}/net/{tcp,tcp6,netstat}`,
    });
    expect(code).toBe(0);
  });

  test('of a process that ends', async () => {
    const sleeper = spawn('sleep', ['60']);
    const { pid } = sleeper;
    const watching = start(['watch', '-i', 'proc', '--interval', '100ms', '--netns', `${pid}`]);
    await watching.says(/not known there/);
    sleeper.kill();
    const { stderr, code } = await watching.ended();
    expect(stderr).toMatch(
      new RegExp(`^tcpsynq: process ${pid}, which showed the network namespace, has ended$`, 'm'),
    );
    expect(code).toBe(1);
  });

  test('that are not there', async () => {
    expect(await run(['count', '--netns', '99999999'])).toMatchObject({
      stderr: 'tcpsynq: there is no process 99999999: give --netns a process id or a name\n',
      code: 1,
    });
    expect(await run(['count', '--netns', 'none-such'])).toMatchObject({
      stderr: 'tcpsynq: there is no network namespace "none-such": `ip netns` lists them\n',
      code: 1,
    });
  });
});

// Some test starts each command as a process, because each is a file of its own in dist.
describe.concurrent('the process', () => {
  test('prints help and version', async () => {
    expect(await spawned(['--help'])).toMatchObject({
      stdout: expect.stringContaining('Usage: tcpsynq'),
      code: 0,
    });
    expect(await spawned(['watch', '--help'])).toMatchObject({
      stdout: expect.stringContaining('--netns'),
      code: 0,
    });
    expect(await spawned(['--version'])).toMatchObject({
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      code: 0,
    });
  });

  test.each(
    named([
      [['count'], ''],
      [['watch', '--frobnicate'], ''],
      [['listeners'], ''],
      [['status'], ''],
      [['completion', 'bash'], ''],
      [['module'], ''],
      [['watch', '-i', '-', '--json'], capture(10, 5000)],
      [['diagnose', '--check', '-i', '-'], capture(10, 5000)],
    ]),
  )('`%s` does as a process what it does here', async (_line, args, input) => {
    const [process, here] = [await spawned(args, input), await run(args, input)];
    expect(here.stdout.replaceAll(/\d+/g, 'N')).toBe(process.stdout.replaceAll(/\d+/g, 'N'));
    expect([here.stderr, here.code]).toEqual([process.stderr, process.code]);
  });
});
