import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture, countLine, eventCapture } from './capture.js';
import { bash, CLI, run, Started, start } from './command.js';
import { eventually } from './eventually.js';

// Tests that need a real process, on a host without the module: rows of test/terminal.md on pipes
// and permissions. Each test is named after its row.

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
  await writeFile(`${file}.events`, eventCapture(['A 10.0.0.1:80 10.0.0.2:1 1 9']));
});

afterAll(() => rm(directory, { recursive: true }));

const FALLBACK =
  /^tcpsynq: the tcpsynq module is not loaded: reading \/proc\/net\/\{tcp,tcp6,netstat\}; not known there: .*\n$/;

test.concurrent('no root', async () => {
  const line =
    process.getuid?.() === 0
      ? 'setpriv --reuid=65534 --regid=65534 --clear-groups ' +
        '--inh-caps=+dac_read_search --ambient-caps=+dac_read_search $T count'
      : '$T count';
  const { stdout, stderr, code } = await bash(line);
  expect(stdout).toMatch(/^half_open \d+\n/);
  expect(stderr).toMatch(FALLBACK);
  expect(code).toBe(0);
});

test('no node in PATH: one line', async () => {
  const { stdout, stderr, code } = await bash(`PATH=/nonexistent; "$X" count`);
  expect(stdout).toBe('');
  expect(stderr).toBe('tcpsynq: needs Node 20.19 or newer, and there is no node in PATH\n');
  expect(code).toBe(127);
});

describe('stderr is full', () => {
  test.each(['', '--compress'])('`capture %s` keeps all records, exit 0', async (flag) => {
    const out = join(directory, `full${flag}`);
    const damaged = `${file}.damaged${flag}`;
    // Two lines on stderr: only the second write reports that the first failed.
    await writeFile(damaged, `${await readFile(file, 'utf8')}C x\n`);
    const { code } = await bash(`$T capture ${flag} -i ${damaged} ${out} 2>/dev/full`);
    expect(code).toBe(0);
    expect((await run(['count', '-i', out])).code).toBe(0);
  });

  test('`export` goes on', async () => {
    const socketPath = join(directory, 'full.sock');
    const started = new Started('bash', [
      '-c',
      `exec ${process.execPath} ${CLI} export --unix ${socketPath} 2>/dev/full`,
    ]);
    await eventually('the socket', () => existsSync(socketPath));
    const ask = () =>
      new Promise<number | undefined>((resolve, reject) => {
        request({ socketPath, path: '/metrics' }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        })
          .on('error', reject)
          .end();
      });
    expect(await ask()).toBe(200);
    expect(await ask()).toBe(200);
    started.child.kill('SIGTERM');
    expect((await started.ended()).code).toBe(0);
  });
});

describe.concurrent('stdout', () => {
  test('into head -1', async () => {
    const line = '$T watch --interval 50ms | head -1; echo "$PIPESTATUS"';
    const { stdout, stderr } = await bash(line);
    expect(stdout).toMatch(/^time .*\n0\n$/);
    expect(stderr).toMatch(FALLBACK);
  });

  test('full', async () => {
    for (const command of ['count', 'watch']) {
      const { stderr, code } = await bash(`$T ${command} -i ${file} > /dev/full`);
      expect(stderr).toBe('tcpsynq: cannot write: no space left on device\n');
      expect(code).toBe(1);
    }
  });

  test.each(['count -i FILE', 'events -i EVENTS', 'watch -n 1', '--help', 'completion bash'])(
    'closed: `%s`',
    async (line) => {
      const words = line.replace('FILE', file).replace('EVENTS', `${file}.events`);
      const { stderr, code } = await bash(`"$X" ${words} >&-`);
      expect(stderr.replace(/^.* module is not loaded: .*\n/, '')).toBe(
        'tcpsynq: cannot write: stdout is closed\n',
      );
      expect(code).toBe(1);
    },
  );

  test('open, whatever the environment says', async () => {
    const line = `TCPSYNQ_STDOUT=closed TCPSYNQ_HANGUP=ignored "$X" count -i ${file}`;
    const { stdout, stderr, code } = await bash(line);
    expect(stdout).toMatch(/^half_open \d+\n/);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test('closed, and not needed', async () => {
    const out = join(directory, 'not-stdout');
    const { stderr, code } = await bash(`"$X" capture -i ${file} ${out} >&-`);
    expect(stderr).toMatch(/^tcpsynq: 121 records in .*\n$/);
    expect(code).toBe(0);
    expect(await readFile(out)).toEqual(await readFile(file));
  });

  test('slow', async () => {
    const started = new Started(
      'bash',
      ['-c', `yes "${countLine(1, {})}" | $T watch --json -i -`],
      {
        T: `${process.execPath} ${CLI}`,
      },
    );
    started.child.stdout?.pause();
    const pid = async () => {
      const children = await bash(`pgrep -P ${started.child.pid} node`);
      return children.stdout.trim() || null;
    };
    const resident = async () => {
      const status = await readFile(`/proc/${await pid()}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
    };
    // A command that buffered unwritten output would grow as fast as yes writes: 100 MB a second.
    await eventually('the command to start', pid);
    await pause(700);
    const before = await resident();
    await pause(1000);
    expect((await resident()) - before).toBeLessThan(20_000);
    process.kill(Number(await pid()), 'SIGKILL');
    started.child.stdout?.resume();
    await started.ended();
  });
});

describe.concurrent('a bug', () => {
  /** Functions to break, with a command line: inside a command, and before one starts. */
  const bugs = { 'AbortSignal.any': 'events -i FILE', 'JSON.parse': 'count' } as const;

  test.each(Object.entries(bugs))(
    'in %s: one line, and the stack if asked for',
    async (name, line) => {
      const broken = join(directory, `${name}.cjs`);
      await writeFile(broken, `${name} = () => { throw new TypeError('for\\u001b a test'); };`);
      const run = `NODE_OPTIONS="--require ${broken}" "$X" ${line.replace('FILE', file)}`;
      const short = await bash(run);
      const message =
        'tcpsynq: internal error: TypeError: for\\x1b a test; TCPSYNQ_DEBUG=1 shows where, for a bug report\n';
      expect(short).toMatchObject({ stdout: '', stderr: message, code: 1 });
      const long = await bash(`TCPSYNQ_DEBUG=1 ${run}`);
      expect(long.stderr.startsWith(message)).toBe(true);
      expect(long.stderr.slice(message.length)).toMatch(/^(tcpsynq: {5}at .*\n)+$/);
      expect(long).toMatchObject({ stdout: '', code: 1 });
    },
  );

  test('an error that the user can mend has no stack', async () => {
    const { stderr } = await bash('TCPSYNQ_DEBUG=1 "$X" count -i /none');
    expect(stderr).toBe('tcpsynq: cannot read /none: no such file or directory\n');
  });
});

describe.concurrent('files', () => {
  test('from stdin, and from a pipe with a name', async () => {
    const fromStdin = await run(['count', '-i', '-', '--json'], await readFile(file, 'utf8'));
    expect(JSON.parse(fromStdin.stdout)).toMatchObject({ source: 'stdin', half_open: 0 });
    const fromPipe = await bash(`$T count -i <(cat ${file})`);
    expect(fromPipe).toMatchObject({ stdout: expect.stringMatching(/^half_open 0\n/), code: 0 });
  });

  test('cut short', async () => {
    const { stdout, stderr, code } = await bash(`gzip -c ${file} | head -c 1000 | $T watch -i -`);
    expect(stdout).toMatch(/^time .*\n2026-/);
    expect(stderr).toMatch(/gzip data is damaged or cut short.*\n$/);
    expect(code).toBe(1);
  });

  test('that grow', async () => {
    const path = join(directory, 'growing');
    await writeFile(path, `${countLine(1, { half_open: 1 })}\n`);
    const started = start(['watch', '--follow', '-i', path]);
    await started.until(/1\.000 +1 /);
    await appendFile(path, `${countLine(2, { half_open: 22 })}\n`);
    await started.until(/2\.000 +22 /);
    started.child.kill('SIGTERM');
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/^tcpsynq: 2 counts in 1 s: half-open 22, peak 22\n$/);
    expect(code).toBe(0);
  });
});
