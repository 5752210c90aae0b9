import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture, countLine } from './capture.js';
import { bash, CLI, onTerminal, run, Started, start } from './command.js';

// The rows of docs/terminal.md that a host without the module can show. Each test bears the name
// of its row.

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

const ESCAPE = '\u001b';
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

  test.each([
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
  ])('%j', async (args) => {
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

test('no root', async () => {
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

describe('terminal', () => {
  async function frame(columns: number, rows: number, env: NodeJS.ProcessEnv = {}) {
    const started = onTerminal(['watch', '-i', file], { columns, rows }, env);
    const lines = await started.press('', /half-open +0.*peak +65 536/s);
    const shown = started.stdout;
    started.child.stdin?.write('q');
    const { stdout, code } = await started.ended();
    return { lines, shown, stdout, code };
  }

  test.each([
    [40, 24],
    [80, 24],
    [200, 24],
    [40, 10],
    [80, 10],
  ])('%d columns, %d rows', async (columns, rows) => {
    const { lines, stdout, code } = await frame(columns, rows);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    const text = lines.join('\n');
    expect(text).toMatch(/┤ +╭/);
    expect(text).toMatch(/ 0 ┼/);
    expect(lines.at(-1)).toMatch(/q quit.*\+\/- span$/);
    expect(stdout).toMatch(/\?1049l/);
    expect(stdout).toMatch(/121 counts in 2 min: half-open 0, peak 65536/);
    expect(code).toBe(0);
  });

  test('gives cursor and screen back', async () => {
    const { stdout } = await frame(80, 24);
    for (const mode of ['?1049', '?25', '?7']) {
      const last = [...stdout.matchAll(new RegExp(`\\${mode}([hl])`, 'g'))].at(-1)?.[1];
      expect(mode + last).toBe(mode === '?1049' ? '?1049l' : `${mode}h`);
    }
  });

  test('colour', async () => {
    expect((await frame(80, 24)).shown).toContain(`${ESCAPE}[31m`);
  });

  test('NO_COLOR', async () => {
    const { shown } = await frame(80, 24, { NO_COLOR: '1' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
    expect(shown).not.toMatch(/\u001b\[[0-9;]*m/);
    expect(shown).toMatch(/┤ +╭/);
  });

  test('TERM=dumb', async () => {
    for (const args of [['watch'], ['watch', '--spark']]) {
      const started = onTerminal(
        [...args, '-i', file, '-n', '5'],
        { columns: 40, rows: 10 },
        { TERM: 'dumb' },
      );
      const { stdout, code } = await started.ended();
      expect(stdout).not.toContain(ESCAPE);
      const lines = stdout.trimEnd().split('\r\n');
      expect(lines.filter((line) => !line.startsWith('tcpsynq:')).length).toBe(
        args.length === 1 ? 6 : 5,
      );
      const widths = lines
        .filter((line) => !line.startsWith('tcpsynq:'))
        .map((line) => line.length);
      expect(Math.max(...widths)).toBeLessThanOrEqual(40);
      expect(code).toBe(0);
    }
  });

  test('--spark', async () => {
    const started = onTerminal(['watch', '--spark', '-i', file], { columns: 40, rows: 10 });
    const { stdout, code } = await started.ended();
    const last = stdout.split('\r\n')[0]?.split('\r').at(-1)?.replace(`${ESCAPE}[K`, '') ?? '';
    expect(last).toMatch(/^half-open 0 [▁▂▃▄▅▆▇█]+ peak 65 536$/);
    expect([...last].length).toBeLessThan(40);
    expect(code).toBe(0);
  });

  test('keys', async () => {
    const started = onTerminal(['watch', '-i', file], { columns: 80, rows: 24 });
    await started.press('', /end/);
    await started.press('-', /-60 s/);
    await started.press('-', /-30 s/);
    await started.press('+', /-60 s/);
    await started.press('p', /PAUSED/);
    await started.press('p', /p pause/);
    started.child.stdin?.write('q');
    expect((await started.ended()).code).toBe(0);
  });

  test('Ctrl-C', async () => {
    const started = onTerminal(['watch'], { columns: 80, rows: 24 });
    await started.until(/\?2026l/);
    started.child.stdin?.write('\u0003');
    const { stdout, code } = await started.ended();
    expect(stdout.slice(stdout.lastIndexOf('?1049l'))).toMatch(/tcpsynq: \d+ counts?/);
    expect(code).toBe(0);
  });

  test('Ctrl-Z, fg', async () => {
    const shell = new Started('script', ['--quiet', '--command', 'bash --norc -i', '/dev/null'], {
      TERM: 'xterm-256color',
      T: `${process.execPath} ${CLI}`,
    });
    const type = async (keys: string, shows: RegExp) => {
      shell.stdout = '';
      shell.child.stdin?.write(keys);
      await shell.until(shows);
    };
    await shell.until(/bash-\S+ /);
    await type('$T watch\n', /\?1049h.*half-open/s);
    await type('\u001a', /\?1049l.*Stopped.*bash-\S+ /s);
    await type('fg\n', /\?1049h.*half-open/s);
    await type('q', /\?1049l.*counts? in.*bash-\S+ /s);
    shell.child.stdin?.write('exit\n');
    expect((await shell.ended()).code).toBe(0);
  });

  test('figures are grouped, with their meaning', async () => {
    const started = onTerminal(['count', '-i', file], { columns: 80, rows: 24 });
    const { stdout, code } = await started.ended();
    expect(stdout).toMatch(/added +65 536 {2}became half-open/);
    expect(stdout.split('\r\n').every((line) => line.length <= 80)).toBe(true);
    expect(code).toBe(0);
  });
});

describe('stdout', () => {
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
      return children.stdout.trim();
    };
    const resident = async () => {
      const status = await readFile(`/proc/${await pid()}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
    };
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    await wait(1500);
    const before = await resident();
    await wait(1500);
    expect((await resident()) - before).toBeLessThan(20_000);
    process.kill(Number(await pid()), 'SIGKILL');
    started.child.stdout?.resume();
    await started.ended();
  });
});

describe('wrong usage', () => {
  test.each([
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
  ])('%j', async (args, message) => {
    const { stdout, stderr, code } = await run(args);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test('help and version are none', async () => {
    expect(await run(['--help'])).toMatchObject({
      stdout: expect.stringContaining('Usage: tcpsynq'),
      code: 0,
    });
    expect(await run(['watch', '--help'])).toMatchObject({
      stdout: expect.stringContaining('--netns'),
      code: 0,
    });
    expect(await run(['--version'])).toMatchObject({
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      code: 0,
    });
  });
});

describe('files', () => {
  test.each([
    ['none', 'no such file or directory'],
    ['.', 'it is a directory'],
  ])('unreadable: %s', async (name, why) => {
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

  test('from stdin, and from a pipe with a name', async () => {
    const fromStdin = await run(['count', '-i', '-', '--json'], await readFile(file, 'utf8'));
    expect(JSON.parse(fromStdin.stdout)).toMatchObject({ source: 'stdin', half_open: 0 });
    const fromPipe = await bash(`$T count -i <(cat ${file})`);
    expect(fromPipe).toMatchObject({ stdout: expect.stringMatching(/^half_open 0\n/), code: 0 });
  });

  test('with a damaged line', async () => {
    const lines = [countLine(1, {}), 'C 2.0 what', countLine(3, {}), '\u0000\u0000', ''];
    const { stdout, stderr, code } = await run(['watch', '-i', '-'], lines.join('\n'));
    expect(stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(stderr).toContain('tcpsynq: passed over line 2: 2 columns where the header has 18\n');
    expect(stderr).toContain('tcpsynq: passed over 2 lines of standard input in all\n');
    expect(code).toBe(0);
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

  test('--check, asked for what makes no sense', async () => {
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

  test.each([40, 80, 200])('on a terminal of %i columns', async (columns) => {
    const started = onTerminal(['diagnose', '-i', file], { columns, rows: 24 });
    const { stdout, code } = await started.ended();
    const lines = stripVTControlCharacters(stdout).trimEnd().split(/\r+\n/);
    expect(lines[0]).toBe('FLOOD');
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(columns);
    }
    expect(code).toBe(0);
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

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s', async (signal) => {
    for (const args of [[], ['--json'], ['--spark'], ['-i', '-']]) {
      const started = start(['watch', ...args]);
      started.child.stdin?.write(`${countLine(1, {})}\n`);
      await started.until(/\n/);
      started.child.kill(signal);
      const { stdout, stderr, code } = await started.ended();
      expect(stdout.endsWith('\n')).toBe(true);
      expect(stderr).toMatch(/tcpsynq: \d+ counts? in .*\n$/);
      expect(code).toBe(0);
    }
  });

  test('the second ends at once', async () => {
    const started = start(['watch', '--json', '-i', '-']);
    started.child.stdout?.pause();
    const line = `${countLine(1, {})}\n`;
    const feed = setInterval(() => started.child.stdin?.write(line.repeat(1000)), 10);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    started.child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 500));
    // Nobody reads what is still to be flushed.
    expect(started.child.exitCode).toBeNull();
    started.child.kill('SIGTERM');
    await once(started.child, 'exit');
    clearInterval(feed);
    expect(started.child.signalCode).toBe('SIGTERM');
    started.child.stdout?.resume();
    await started.ended();
  });
});
