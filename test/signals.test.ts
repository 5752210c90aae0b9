import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countLine } from './capture.js';
import { bash, execute, type Started, start } from './command.js';
import { COMMANDS, SUMMARY, underWay, useFolder } from './endless.js';
import { eventually } from './eventually.js';

// Effects of signals on the process: rows of docs/terminal.md.

let top: string;

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'tcpsynq-signals-'));
});
afterAll(() => rm(top, { recursive: true }));
useFolder();

/** Return the number of listening TCP sockets of a process. */
async function listening({ child }: Started): Promise<number> {
  const fds = await readdir(`/proc/${child.pid}/fd`);
  const links = await Promise.all(
    fds.map((fd) => readlink(`/proc/${child.pid}/fd/${fd}`).catch(() => '')),
  );
  const tables = ['tcp', 'tcp6'].map((name) =>
    readFile(`/proc/net/${name}`, 'utf8').catch(() => ''),
  );
  const rows = (await Promise.all(tables)).join('\n').split('\n');
  const inodes = rows.map((row) => row.trim().split(/\s+/)).filter(([, , , st]) => st === '0A');
  return inodes.filter((row) => links.includes(`socket:[${row[9]}]`)).length;
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGALRM'] as const;
const IGNORED = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGPIPE', 'SIGTSTP', 'SIGCONT'] as const;

describe.concurrent.each(COMMANDS)('`%s`', (command) => {
  test('goes on after every signal that does not end it, and opens no port', async () => {
    const { started, feed, gone } = await underWay(command);
    const before = await listening(started);
    for (const signal of IGNORED) {
      started.child.kill(signal);
      await pause(30);
    }
    await pause(300);
    expect(started.child.exitCode ?? started.child.signalCode).toBeNull();
    expect(await listening(started)).toBe(before);
    await feed();
    started.child.kill('SIGTERM');
    const { stderr, code } = await started.ended();
    expect(stderr).not.toContain('inspector');
    expect(stderr).toMatch(SUMMARY[command] as RegExp);
    expect(gone !== undefined && existsSync(gone)).toBe(false);
    expect(code).toBe(0);
  });

  test.each(ENDING)('%s ends it in order', async (signal) => {
    const { started, feed, gone } = await underWay(command);
    await feed();
    started.child.kill(signal);
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(SUMMARY[command] as RegExp);
    expect(gone !== undefined && existsSync(gone)).toBe(false);
    const stopped = signal === 'SIGINT' || signal === 'SIGTERM';
    expect(code).toBe(stopped ? 0 : 128 + constants.signals[signal]);
  });
});

describe.concurrent('SIGUSR1', () => {
  test.each([5, 10, 15, 20, 25, 30, 40, 50])(
    '%i ms after the start opens no inspector',
    async (delay) => {
      const started = execute(['watch', '-i', '-']);
      await pause(delay);
      started.child.kill('SIGUSR1');
      await pause(1000);
      // Until Node runs its own code, a signal has its default effect.
      if (started.child.signalCode !== 'SIGUSR1') {
        expect(await listening(started)).toBe(0);
      }
      started.child.stdin?.end();
      expect((await started.ended()).stderr).not.toContain('Debugger listening');
    },
  );

  test('between the start of Node and that of the command fails to open one', async () => {
    const [USR1, FAILED] = [
      1 << (constants.signals.SIGUSR1 - 1),
      /^Starting inspector on .* failed/m,
    ];
    const tries: string[] = [];
    while (!FAILED.test(tries.at(-1) ?? '') && tries.length < 20) {
      const started = execute(['watch', '-i', '-']);
      const { pid } = started.child;
      for (let caught = 0; (caught & USR1) === 0; ) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        caught = Number.parseInt(/^SigCgt:.*(.{8})$/m.exec(status)?.[1] ?? '0', 16);
      }
      started.child.kill('SIGUSR1');
      await pause(300);
      expect(await listening(started)).toBe(0);
      started.child.stdin?.end();
      tries.push((await started.ended()).stderr);
    }
    expect(tries.at(-1)).toMatch(FAILED);
    expect(tries.join('')).not.toContain('Debugger listening');
  });

  test('has capture say how far it is', async () => {
    const { started } = await underWay('capture');
    started.child.kill('SIGUSR1');
    await started.says(/^tcpsynq: 1 records in .*, \d+ B in .*, lost 0\n$/);
    started.child.kill('SIGTERM');
    expect((await started.ended()).stderr).toMatch(/^(tcpsynq: 1 records in .*, lost 0\n){2}$/);
  });
});

describe.concurrent('nohup', () => {
  test('SIGHUP does not end the command', async () => {
    const { started, feed } = await underWay('capture', { before: ['nohup'] });
    started.child.kill('SIGHUP');
    await feed();
    started.child.stdin?.end();
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(SUMMARY.capture as RegExp);
    expect(code).toBe(0);
  });

  test('nor the command that capture runs', async () => {
    const out = join(top, 'nohup-command');
    const script = 'kill -HUP $$; echo still; exit 3';
    const { stdout } = await bash(
      `sleep 3 | nohup "$X" capture -i - ${out} -- sh -c '${script}'; echo $?`,
    );
    expect(stdout).toBe('still\n3\n');
  });

  test('and without it SIGHUP ends it', async () => {
    const { started } = await underWay('capture');
    started.child.kill('SIGHUP');
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/^tcpsynq: 1 records in /m);
    expect(code).toBe(129);
  });
});

describe.concurrent('signals that a terminal sends to the whole process group', () => {
  const canUnshare = spawnSync('unshare', ['--mount', '--net', 'true']).status === 0;

  test.runIf(canUnshare).each(['nohup HUP', 'exec INT'])(
    '%s: the process that holds the namespace of --netns stays',
    async (how) => {
      const [before, signal] = how.split(' ');
      const out = join(top, `group-${signal}`);
      const inside = `mount -t tmpfs none /run && mkdir /run/netns && touch /run/netns/t &&
        unshare --net=/run/netns/t true && exec ${before === 'nohup' ? 'nohup' : ''} "$X" watch --netns t --interval 50ms`;
      const { stdout } = await bash(`
        setsid unshare --mount bash -c '${inside}' >${out} 2>&1 </dev/null &
        until [ "$(wc -l <${out})" -ge 3 ]; do sleep 0.05; done
        holder=$(pgrep --parent $! --exact cat)
        kill -STOP $!
        kill -${signal} -- -$!
        sleep 0.3
        readlink /proc/$holder/ns/net | cut -c1-5
        kill -CONT $!
        sleep 0.3
        kill -TERM $!
        wait $!
        echo $?
        sleep 0.2
        readlink /proc/$holder/ns/net || echo gone`);
      expect(stdout).toBe('net:[\n0\ngone\n');
      expect(await readFile(out, 'utf8')).toMatch(/^tcpsynq: \d+ counts? in /m);
    },
  );
});

test('the same signal again ends the process at once', async () => {
  const started = start(['watch', '--json', '-i', '-']);
  const line = `${countLine(1, {})}\n`;
  started.child.stdin?.write(line);
  await started.until(/\n/);
  started.child.stdout?.pause();
  const feed = setInterval(() => started.child.stdin?.write(line.repeat(1000)), 10);
  // The command stops reading while no process reads its output.
  await eventually('stdin to fill up', () => (started.child.stdin?.writableLength ?? 0) > 4e6);
  started.child.kill('SIGTERM');
  await pause(300);
  // The command still waits, because no process reads the rest of the output.
  expect(started.child.exitCode).toBeNull();
  started.child.kill('SIGTERM');
  await once(started.child, 'exit');
  clearInterval(feed);
  expect(started.child.signalCode).toBe('SIGTERM');
  started.child.stdout?.resume();
  await started.ended();
});
