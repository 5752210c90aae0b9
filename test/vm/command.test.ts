// The command on the real module: the rows of test/terminal.md that require the module.

import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import {
  isLoaded,
  Link,
  load,
  queueRoom,
  requireGuest,
  sh,
  sleep,
  status,
  tapsOpen,
  top,
  trySh,
  unload,
} from './guest.ts';

requireGuest();

const tcpsynq = `node ${top}/dist/cli.js`;
const asNobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all';

/** The command in the background, with stdout and stderr kept separate. */
class Command {
  stdout = '';
  stderr = '';
  private readonly child;
  readonly code: Promise<number | null>;

  constructor(command: string) {
    this.child = spawn('bash', ['-c', `exec ${command}`], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout.on('data', (text) => {
      this.stdout += text;
    });
    this.child.stderr.on('data', (text) => {
      this.stderr += text;
    });
    this.code = new Promise((resolve) => this.child.on('close', resolve));
  }

  async until(ready: (command: this) => boolean): Promise<this> {
    const what = () => `${ready}; stdout ${this.stdout}; stderr ${this.stderr}`;
    const wanted = () => {
      if (ready(this)) return true;
      if (this.child.exitCode !== null) throw new Error(`ended before ${what()}`);
      return false;
    };
    await eventually(what, wanted);
    return this;
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.code;
  }
}

const lines = (text: string) => text.trimEnd().split('\n');

let link: Link;
beforeEach(() => {
  link = new Link();
});
afterEach(() => link.remove());

describe('module loaded', () => {
  beforeAll(() => load());
  afterAll(() => {
    if (isLoaded()) unload();
  });

  test('count: the figures, and the same as JSON', async () => {
    await link.listener('--port 80 --backlog 400000');
    await link.send('--dport 80 --count 1500 --reset 1 --abandon 2');
    const namespace = `--netns ${link.target}`;
    const figure = sh(`${tcpsynq} ${namespace} count | awk '$1 == "half_open" {print $2}'`);
    expect(figure.trim()).toBe('1000');
    const json = JSON.parse(sh(`${tcpsynq} ${namespace} --json count`));
    expect(json).toMatchObject({ source: 'module', half_open: 1000, added: 1500, reset: 500 });
    expect(Number(sh(`${tcpsynq} ${namespace} --json count --by state | grep -c SYN`))).toBe(1);
  });

  test("without the module the kernel's own files give the same count", async () => {
    await link.listener('--port 80 --backlog 400000');
    await link.send('--dport 80 --count 700');
    const json = JSON.parse(sh(`${tcpsynq} --netns ${link.target} -i proc --json count`));
    expect(json).toMatchObject({ source: 'proc', half_open: 700 });
  });

  test('listeners: the fullest first, the setting that limits it, its process', async () => {
    link.sysctl('net.core.somaxconn', 100);
    await link.listener('--port 80 --backlog 5000 --accept no');
    await link.listener('--port 81 --backlog 50 --accept no');
    await link.send('--dport 80 --count 30');
    await link.send('--dport 81 --count 40 --first 1000');
    const rows = sh(`${tcpsynq} --netns ${link.target} --json listeners`)
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row));
    expect(rows).toMatchObject([
      { local: '0.0.0.0:81', qlen: 40, holds: queueRoom(50), backlog: 50 },
      { local: '0.0.0.0:80', qlen: 30, holds: queueRoom(100), backlog: 100 },
    ]);
    const text = sh(`${tcpsynq} --netns ${link.target} listeners`);
    expect(text).toMatch(/0\.0\.0\.0:80 .*somaxconn=100/);
    expect(text).toMatch(/0\.0\.0\.0:81 .*listen\(\)=50/);
    expect(text).toMatch(/listener\[\d+\]/);
  });

  test('count --by state: the same as ss', async () => {
    await link.listener('--port 80,81 --backlog 400000 --accept hold');
    await link.send('--dport 80 --count 300');
    link.client(`--dst ${link.address} --port 81 --count 7 --keep 300 --seconds 300`);
    await link.until((f) => f.completed === 7);
    const names: Record<string, string> = { ESTAB: 'ESTABLISHED', 'SYN-RECV': 'NEW_SYN_RECV' };
    const theirs = lines(link.inTarget(`bash -c "ss -Hant | awk '{print \\$1}' | sort | uniq -c"`))
      .map((line) => line.trim().split(/ +/))
      .map(([sockets, state = '']) => [names[state] ?? state.replaceAll('-', '_'), sockets]);
    const ours = lines(sh(`${tcpsynq} --netns ${link.target} count --by state`))
      .slice(1)
      .map((line) => line.split(/ +/));
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
    expect(Object.fromEntries(ours)).toEqual({
      NEW_SYN_RECV: '300',
      ESTABLISHED: '7',
      LISTEN: '2',
    });
  });

  test('listeners --watch, not a terminal: a table per interval', async () => {
    await link.listener('--port 80 --backlog 5000 --accept no');
    const watch = new Command(
      `${tcpsynq} --netns ${link.target} listeners --watch --interval 200ms`,
    );
    await watch.until((c) => c.stdout.split('\n\n').length > 2);
    expect(await watch.end('SIGINT')).toBe(0);
    const [first, second] = watch.stdout.split('\n\n');
    expect(first).toMatch(new RegExp(`^listener .*\n0\\.0\\.0\\.0:80 +0 +${queueRoom(5000)} `));
    expect(second).toMatch(/^listener .*\n0\.0\.0\.0:80 /);
    expect(watch.stderr).toBe('');
  });

  test('listeners --watch on a terminal: a screen, with the refused SYNs', async () => {
    await link.listener('--port 80 --backlog 100 --accept no');
    await link.send('--dport 80 --count 150');
    const watch = new Command(
      `env TERM=xterm-256color script -qec 'stty rows 24 cols 60; exec ${tcpsynq} --netns ${link.target} listeners --watch' /dev/null`,
    );
    await watch.until((c) => c.stdout.includes('refused: '));
    sh("pkill -INT -f '^node [^ ]*/dist/cli.js .*listeners --watch$'");
    await watch.code;
    const frame = watch.stdout.slice(
      watch.stdout.indexOf('\x1b[H'),
      watch.stdout.indexOf('\x1b[?2026l'),
    );
    const shown = stripVTControlCharacters(frame).replaceAll('\r', '').split('\n');
    for (const line of shown) expect([...line].length).toBeLessThanOrEqual(60);
    const fit = queueRoom(100);
    expect(shown[1]).toMatch(new RegExp(`^0\\.0\\.0\\.0:80 +\\S+ % +\\d+ / ${fit} `));
    expect(shown).toContain(
      `refused: ${150 - fit} for a full SYN queue, 0 for a full accept queue`,
    );
    expect(watch.stdout).toContain('\x1b[?1049l');
  });

  test('diagnose: Ctrl-C ends the watch, and a verdict follows', async () => {
    await link.listener('--port 80 --backlog 400000');
    const watch = new Command(`${tcpsynq} --netns ${link.target} diagnose --for 10m`);
    await tapsOpen(1);
    await sleep(3000);
    expect(await watch.end('SIGINT')).toBe(0);
    expect(watch.stdout).toMatch(/^IDLE: /);
    expect(watch.stderr).toBe('');
  });

  test('status: exact, with its hooks; --audit agrees with the kernel', async () => {
    await link.listener('--port 80 --backlog 400000');
    await link.send('--dport 80 --count 800');
    const text = sh(`${tcpsynq} --netns ${link.target} status`);
    expect(text).toMatch(/inet_csk_complete_hashdance +ftrace/);
    expect(trySh(`${tcpsynq} --netns ${link.target} status --audit`)).toMatchObject({
      status: 0,
      output: expect.stringContaining('audit: module 800, kernel 800'),
    });
  });

  test('watch, not a terminal: a header, then a line per interval, from the stream', async () => {
    await link.listener('--port 80 --backlog 400000');
    const { status: code, output } = trySh(
      `${tcpsynq} --netns ${link.target} watch -n 3 --interval 500ms 2>/dev/null`,
    );
    expect(code).toBe(0);
    expect(lines(output).length).toBe(4);
    expect(lines(output)[0]).toMatch(/^time +half_open +peak/);
  });

  test('watch sees a burst between two of its lines, as the peak', async () => {
    await link.listener('--port 80 --backlog 400000');
    const watch = new Command(`${tcpsynq} --netns ${link.target} --json watch --interval 1s`);
    await watch.until((c) => lines(c.stdout).length > 2);
    await link.send('--dport 80 --count 3000 --reset 100');
    await watch.until((c) => /"peak":[1-9]/.test(c.stdout));
    expect(await watch.end('SIGINT')).toBe(0);
    expect(watch.stderr).toMatch(/summary|half-open|peak/);
  });

  test('rmmod says "in use" while watch reads the stream', async () => {
    const watch = new Command(`${tcpsynq} watch`);
    await watch.until((c) => lines(c.stdout).length > 2);
    expect(status()).toContain('taps 1 16');
    expect(trySh('rmmod tcpsynq').output).toMatch(/in use/);
    expect(await watch.end()).toBe(0);
    expect(status()).toContain('taps 0 16');
  });

  test('watch into head -1: no error', () => {
    expect(trySh(`${tcpsynq} watch --interval 100ms 2>/dev/null | head -1`).status).toBe(0);
  });

  test('Ctrl-C: a summary, exit 0, no stack trace', async () => {
    const watch = new Command(`${tcpsynq} watch`);
    await watch.until((c) => lines(c.stdout).length > 1);
    expect(await watch.end('SIGINT')).toBe(0);
    expect(watch.stderr).not.toMatch(/ at .*\.js:/);
  });

  test('no root: the counters need none', () => {
    for (const command of ['count', 'listeners', 'status']) {
      expect(trySh(`${asNobody} ${tcpsynq} ${command} 2>&1 >/dev/null`)).toEqual({
        status: 0,
        output: '',
      });
    }
  });

  test('no root: watch reads the counters, and says so once', async () => {
    const watch = new Command(`${asNobody} ${tcpsynq} watch --interval 300ms`);
    await watch.until((c) => lines(c.stdout).length > 3);
    const notes = lines(watch.stderr).filter((line) => line.includes('/proc/net/stat/tcpsynq'));
    expect(notes.length).toBe(1);
    expect(await watch.end()).toBe(0);
  });

  test('no root, unloaded and loaded again: waits, then goes on in a new epoch', async () => {
    const watch = new Command(`${asNobody} ${tcpsynq} --json watch --interval 200ms`);
    await watch.until((c) => lines(c.stdout).length > 2);
    unload();
    await watch.until((c) => c.stdout.includes('"event":"waiting"'));
    load();
    const before = lines(watch.stdout).length;
    await watch.until((c) => lines(c.stdout).length > before + 2);
    expect(await watch.end()).toBe(0);
    const last = JSON.parse(lines(watch.stdout).pop() ?? '');
    const first = JSON.parse(lines(watch.stdout)[0] ?? '');
    expect(last.epoch).toBeGreaterThan(first.epoch);
  });

  test('the same, not as JSON: pauses, one line on stderr', async () => {
    const watch = new Command(`${asNobody} ${tcpsynq} watch --interval 200ms`);
    await watch.until((c) => lines(c.stdout).length > 3);
    unload();
    await watch.until((c) => c.stderr.includes('waiting for the module'));
    load();
    const before = lines(watch.stdout).length;
    await watch.until((c) => lines(c.stdout).length > before + 2);
    expect(await watch.end()).toBe(0);
    expect(watch.stderr.match(/waiting for the module/g)?.length).toBe(1);
  });

  test('the same, on a terminal: the screen says so, then goes on', async () => {
    const watch = new Command(
      `env TERM=xterm-256color script -qec 'stty rows 24 cols 80; exec ${asNobody} ${tcpsynq} watch --interval 200ms' /dev/null`,
    );
    await watch.until((c) => c.stdout.includes('half-open'));
    unload();
    await watch.until((c) => c.stdout.includes('waiting for the module'));
    load();
    const before = watch.stdout.length;
    await watch.until((c) => c.stdout.slice(before).includes('half-open'));
    sh("pkill -INT -f '^node [^ ]*/dist/cli.js watch'");
    await watch.code;
    // The command has left the alternate screen.
    expect(watch.stdout).toContain('\x1b[?1049l');
  });

  test('tables on a narrow terminal: columns that do not fit are left out, and named', async () => {
    await link.listener('--port 80 --backlog 100 --accept no');
    const shown = sh(
      `TERM=xterm script -qec 'stty rows 24 cols 50; ${tcpsynq} --netns ${link.target} listeners' /dev/null </dev/null`,
    );
    const rows = stripVTControlCharacters(shown).replaceAll('\r', '').trimEnd().split('\n');
    const table = rows.filter((row) => !row.startsWith('tcpsynq: '));
    for (const row of table) expect([...row].length).toBeLessThanOrEqual(50);
    expect(shown).toContain('0.0.0.0:80');
    expect(rows.filter((row) => row.startsWith('tcpsynq: ')).length).toBe(1);
    expect(shown).toMatch(/PROCESS/);
  });

  test.each([40, 80, 200])('watch on a terminal of %i columns', async (columns) => {
    await link.listener('--port 80 --backlog 400000');
    await link.send('--dport 80 --count 2000');
    const shown = sh(
      `TERM=xterm-256color script -qec 'stty rows 24 cols ${columns}; ${tcpsynq} --netns ${link.target} watch -n 4 --interval 300ms' /dev/null </dev/null`,
    );
    // The command has left the alternate screen, and shows the cursor again.
    expect(shown).toContain('\x1b[?1049l');
    expect(shown).toContain('\x1b[?25h');
    expect(shown).toMatch(/2 000/);
    const frame = shown.slice(shown.lastIndexOf('\x1b[H'), shown.lastIndexOf('\x1b[?1049l'));
    for (const line of stripVTControlCharacters(frame).replaceAll('\r', '').split('\n')) {
      expect([...line].length).toBeLessThanOrEqual(columns);
    }
  });
});

test('status --audit: a wrong count is detected, exit 1', async () => {
  load('via=kprobe');
  try {
    await link.listener('--port 80 --backlog 400000');
    sh('echo 0 >/sys/kernel/debug/kprobes/enabled');
    await link.send('--dport 80 --count 300');
    sh('echo 1 >/sys/kernel/debug/kprobes/enabled');
    const { status: code, output } = trySh(`${tcpsynq} --netns ${link.target} status --audit`);
    expect(code).toBe(1);
    expect(output).toContain('audit: module 0, kernel 300');
    expect(output).toMatch(/^tcpsynq: /m);
  } finally {
    sh('echo 1 >/sys/kernel/debug/kprobes/enabled');
    unload();
  }
});

describe('module not loaded', () => {
  test('commands that need it exit 1 with the line that loads it', () => {
    expect(isLoaded()).toBe(false);
    for (const command of ['listeners', 'status', 'watch -n 1 -i module', '-i module count']) {
      const { status: code, output } = trySh(`${tcpsynq} ${command}`);
      expect(code).toBe(1);
      expect(lines(output).length).toBe(1);
      expect(output).toMatch(/insmod|modprobe/);
    }
  });
});
