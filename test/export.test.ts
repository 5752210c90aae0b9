import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bash, named, run, start } from './command.js';
import { eventually } from './eventually.js';
import { promtool } from './export/promtool.js';
import { serving, stop } from './export/serving.js';

// Rows of test/terminal.md on `export` that need no module.

let directory: string;

beforeAll(async () => {
  if (existsSync('/sys/module/tcpsynq')) {
    throw new Error('these tests are for a host without the module: rmmod tcpsynq');
  }
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  await chmod(directory, 0o755);
});

afterAll(() => rm(directory, { recursive: true }));

describe.concurrent('no module', () => {
  test('shows counters of the kernel, prints one line, and promtool accepts it', async () => {
    const one = await serving();
    const response = await fetch(`${one.base}/metrics`);
    const input = await response.text();
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(input).toMatch(/^tcpsynq_up 1$/m);
    expect(input).toMatch(/^tcpsynq_source_info\{source="proc"\} 1$/m);
    expect(input).toMatch(/^tcpsynq_half_open\{netns="\d+"\} \d+$/m);
    expect(input).toMatch(/^tcpsynq_cookies_sent_total\{netns="\d+"\} \d+$/m);
    expect(promtool(['check', 'metrics'], { input })).toEqual({ status: 0, output: '' });
    expect(await stop(one)).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(
        /^tcpsynq: listening on [^\n]*\ntcpsynq: the tcpsynq module is not loaded [^\n]*\n$/,
      ),
      code: 0,
    });
  });

  test('-i module: it runs, and says that it is blind', async () => {
    const one = await serving(['-i', 'module']);
    const text = await (await fetch(`${one.base}/metrics`)).text();
    expect(text).toMatch(/^tcpsynq_up 0$/m);
    expect(text).not.toContain('half_open');
    expect((await stop(one)).code).toBe(0);
  });

  test('--handshake, --drops: it runs, and waits for the module', async () => {
    const one = await serving(['--handshake', '--drops']);
    const text = await (await fetch(`${one.base}/metrics`)).text();
    expect(text).toMatch(/^tcpsynq_exporter_tap_open\{netns="\d+"\} 0$/m);
    const { stderr, code } = await stop(one);
    expect(stderr).toMatch(/^tcpsynq: the tcpsynq module is not loaded: load it/m);
    expect(code).toBe(0);
  });
});

test.concurrent('--all-netns: each namespace once', async () => {
  const one = await serving(['--all-netns']);
  const text = await (await fetch(`${one.base}/metrics`)).text();
  const names = [...text.matchAll(/^tcpsynq_half_open\{netns="(\d+)"\}/gm)].map(([, id]) => id);
  expect(names.length).toBeGreaterThan(0);
  expect(new Set(names).size).toBe(names.length);
  expect(text).toMatch(/^tcpsynq_netns_left_out \d+$/m);
  expect((await stop(one)).code).toBe(0);
});

test.concurrent('no root', async () => {
  const file = join(directory, 'nobody.prom');
  const line =
    process.getuid?.() === 0
      ? `install -d -o 65534 ${directory}/nobody; setpriv --reuid=65534 --regid=65534 --clear-groups ` +
        '--inh-caps=+dac_read_search --ambient-caps=+dac_read_search ' +
        `$T export --all-netns --textfile ${directory}/nobody/a.prom; cat ${directory}/nobody/a.prom`
      : `$T export --all-netns --textfile ${file} && cat ${file}`;
  const { stdout, code } = await bash(line);
  expect(stdout).toMatch(/^tcpsynq_up 1$/m);
  // Processes of other users are hidden, and at least one exists: process 1.
  expect(Number(/^tcpsynq_processes_hidden (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(0);
  expect(code).toBe(0);
});

describe.concurrent('the end', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with exit status 0', async (signal) => {
    const one = await serving();
    await (await fetch(`${one.base}/metrics`)).text();
    const { code, signal: by } = await stop(one, signal);
    expect([code, by]).toEqual([0, null]);
  });

  test('a client that never finishes its request does not hold it', async () => {
    const one = await serving();
    const slow = connect(one.port, '127.0.0.1');
    slow.on('error', () => {});
    slow.write('GET /metr');
    await pause(100);
    const before = Date.now();
    expect((await stop(one)).code).toBe(0);
    // Node waits for a request for a minute.
    expect(Date.now() - before).toBeLessThan(30_000);
  });
});

test.concurrent('64 silent connections keep no scrape out, and are counted', async () => {
  const one = await serving();
  const silent = Array.from({ length: 64 }, () => connect(one.port, '127.0.0.1'));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  let text = '';
  for (let i = 0; i < 30; i += 1) {
    const got = await fetch(`${one.base}/metrics`, { headers: { Connection: 'close' } });
    text = await got.text();
    expect(text).toMatch(/^tcpsynq_up 1$/m);
  }
  expect(text).toMatch(/^tcpsynq_exporter_connections_evicted_total [1-9]\d*$/m);
  expect(text).toMatch(/^tcpsynq_exporter_connections_refused_total 0$/m);
  expect(promtool(['check', 'metrics'], { input: text })).toEqual({ status: 0, output: '' });
  for (const socket of silent) {
    socket.destroy();
  }
  expect((await stop(one)).stderr.match(/all 64 connections are taken: .*\n/g)).toHaveLength(1);
});

describe.concurrent('an address', () => {
  test('in use: one line, exit 1', async () => {
    const one = await serving();
    expect(await run(['export', '--listen', `127.0.0.1:${one.port}`])).toEqual({
      stdout: '',
      stderr: `tcpsynq: cannot listen on 127.0.0.1:${one.port}: address already in use\n`,
      code: 1,
      signal: null,
    });
    await stop(one);
  });
});

describe.concurrent('--unix', () => {
  test('answers there, and leaves nothing behind', async () => {
    const path = join(directory, 'socket');
    const started = start(['export', '--unix', path]);
    await started.says(/listening on unix:.*\n/);
    expect(started.stderr).toContain(`listening on unix:${path}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    const text = await new Promise<string>((resolve, reject) => {
      let all = '';
      request({ socketPath: path, path: '/metrics' }, (response) => {
        response.on('data', (chunk) => {
          all += String(chunk);
        });
        response.on('end', () => resolve(all));
      })
        .on('error', reject)
        .end();
    });
    expect(text).toMatch(/^tcpsynq_up 1$/m);
    started.child.kill('SIGTERM');
    expect((await started.ended()).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test('the socket of another exporter that took the path is left alone', async () => {
    const path = join(directory, 'taken');
    const first = start(['export', '--unix', path]);
    await first.says(/listening on unix:/);
    await rm(path);
    const second = start(['export', '--unix', path]);
    await second.says(/listening on unix:/);
    first.child.kill('SIGTERM');
    expect((await first.ended()).code).toBe(0);
    expect(existsSync(path)).toBe(true);
    second.child.kill('SIGTERM');
    await second.ended();
    expect(existsSync(path)).toBe(false);
  });

  test('if several start at once on a stale socket, one listens', async () => {
    const folder = await mkdtemp(join(directory, 'race-'));
    const path = join(folder, 'socket');
    for (let i = 0; i < 5; i += 1) {
      const stale = start(['export', '--unix', path]);
      await stale.says(/listening on unix:/);
      stale.child.kill('SIGKILL');
      await stale.ended();
      const all = [1, 2, 3].map(() => start(['export', '--unix', path]));
      await Promise.all(
        all.map((one) => eventually('one to listen or end', () => one.stderr.includes('listen'))),
      );
      await pause(100);
      const up = all.filter(({ stderr }) => stderr.includes('listening on'));
      expect(up).toHaveLength(1);
      up[0]?.child.kill('SIGTERM');
      for (const one of all) {
        const { stderr, code } = await one.ended();
        expect(code).toBe(one === up[0] ? 0 : 1);
        expect(stderr).toMatch(one === up[0] ? /listening on/ : /address already in use\n$/);
      }
      expect(await readdir(folder)).toEqual([]);
    }
  });

  test('a file that is not a socket: one line, exit 1', async () => {
    const path = join(directory, 'file');
    await writeFile(path, 'precious');
    const { stderr, code } = await run(['export', '--unix', path]);
    expect(stderr).toBe(
      `tcpsynq: cannot listen on ${path}: there is a file of that name, and it is no socket\n`,
    );
    expect(code).toBe(1);
    expect(await readFile(path, 'utf8')).toBe('precious');
  });
});

describe.concurrent('--textfile', () => {
  test('once, and the figures cannot be read: the file says so, and so does the exit status', async () => {
    const folder = await mkdtemp(join(directory, 'textfile-'));
    const file = join(folder, 'a.prom');
    const { stderr, code } = await run(['export', '-i', 'module', '--textfile', file]);
    expect(stderr).toMatch(/the tcpsynq module is not loaded/);
    expect(await readFile(file, 'utf8')).toMatch(/^tcpsynq_up 0$/m);
    expect(code).toBe(1);
  });

  test('others cannot stop it by what they put beside the file', async () => {
    const folder = await mkdtemp(join(directory, 'textfile-'));
    const file = join(folder, 'a.prom');
    const started = start(['export', '-i', 'proc', '--textfile', file, '--interval', '20ms']);
    await eventually('the file', () => existsSync(file));
    await mkdir(join(folder, `.a.prom.${started.child.pid}`, 'x'), { recursive: true });
    const { mtimeMs } = await stat(file);
    await eventually('a later file', async () => (await stat(file)).mtimeMs > mtimeMs);
    started.child.kill('SIGTERM');
    const { stderr } = await started.ended();
    expect(stderr).not.toMatch(/trying again/);
  });

  test('once: readable for everyone with any umask, and nothing beside it', async () => {
    const folder = await mkdtemp(join(directory, 'textfile-'));
    const file = join(folder, 'tcpsynq.prom');
    expect(await bash(`umask 077; $T export --textfile ${file}`)).toMatchObject({
      stdout: '',
      code: 0,
    });
    expect((await stat(file)).mode & 0o777).toBe(0o644);
    expect(await readdir(folder)).toEqual(['tcpsynq.prom']);
    const input = await readFile(file, 'utf8');
    expect(promtool(['check', 'metrics'], { input })).toEqual({ status: 0, output: '' });
  });

  test('--interval: a reader never sees a part of it', async () => {
    const folder = await mkdtemp(join(directory, 'textfile-'));
    const file = join(folder, 'tcpsynq.prom');
    const started = start(['export', '--textfile', file, '--interval', '10ms']);
    await eventually(`the file ${file}`, () => existsSync(file));
    const inodes = new Set<number>();
    const whole = /^# HELP tcpsynq_up .*\ntcpsynq_exporter_write_failures_total 0\n+$/s;
    for (let i = 0; i < 300 || inodes.size < 3; i += 1) {
      expect(await readFile(file, 'utf8')).toMatch(whole);
      inodes.add((await stat(file)).ino);
      await pause(1);
    }
    started.child.kill('SIGTERM');
    expect((await started.ended()).code).toBe(0);
    expect(await readdir(folder)).toEqual(['tcpsynq.prom']);
  });

  test('--interval on a disk that is full for a while: it goes on, and says so', async () => {
    const folder = await mkdtemp(join(directory, 'textfile-'));
    const file = join(folder, 'tcpsynq.prom');
    const started = start(['export', '--textfile', file, '--interval', '20ms']);
    await eventually(`the file ${file}`, () => existsSync(file));
    const size = (limit: string) => bash(`prlimit --fsize=${limit} --pid ${started.child.pid}`);
    await size('100:unlimited');
    await started.says(/cannot write .*: file too large; trying again at each interval\n/);
    const stale = await readFile(file, 'utf8');
    const at = (text: string) =>
      Number(/^tcpsynq_exporter_last_write_timestamp_seconds (\S+)$/m.exec(text)?.[1]);
    const now = Date.now() / 1000;
    expect(at(stale)).toBeGreaterThan(now - 60);
    await pause(300);
    expect(await readFile(file, 'utf8')).toBe(stale);
    await size('unlimited');
    await started.says(/tcpsynq\.prom can be written again\n/);
    const input = await readFile(file, 'utf8');
    expect(at(input)).toBeGreaterThan(at(stale));
    expect(input).toMatch(/^tcpsynq_exporter_write_failures_total [1-9]\d*$/m);
    expect(promtool(['check', 'metrics'], { input })).toEqual({ status: 0, output: '' });
    started.child.kill('SIGTERM');
    const { stderr, code } = await started.ended();
    expect(stderr.match(/cannot write/g)).toHaveLength(1);
    expect(code).toBe(0);
    expect(await readdir(folder)).toEqual(['tcpsynq.prom']);
  });

  test('where it cannot be written: one line, exit 1', async () => {
    const file = join(directory, 'none', 'tcpsynq.prom');
    const { stderr, code } = await run(['export', '--textfile', file]);
    expect(stderr.split('\n').at(-2)).toBe(
      `tcpsynq: cannot write ${file}: no such file or directory`,
    );
    expect(code).toBe(1);
  });
});

describe('wrong usage', () => {
  test.each(
    named([
      [['--listen', '9100'], 'It takes HOST:PORT'],
      [['--listen', '127.0.0.1:70000'], 'It takes HOST:PORT'],
      [['--listen', '[::g]:1'], 'It takes HOST:PORT'],
      [['--listen', ':9100'], 'It takes HOST:PORT'],
      [['--listen', '127.0.0.1:1', '--unix', '/x'], 'cannot be used with'],
      [['--unix', '/x', '--textfile', '/x.prom'], 'cannot be used with'],
      [['--unix', `/${'x'.repeat(107)}`], '98 bytes at most'],
      [['--textfile', '/x'], 'ends in .prom'],
      [['--textfile', '/.prom'], 'ends in .prom'],
      [['--interval', '1s'], '--interval needs --textfile'],
      [['--netns-top', '5'], '--netns-top needs --all-netns'],
      [['--netns', '1', '--all-netns'], '--netns and --all-netns exclude each other'],
      [['--all-netns', '--netns-top', '0'], 'from 1 to 10000'],
      [['--listeners-top', '10001'], 'from 1 to 10000'],
      [['-i', 'proc', '--handshake'], '--handshake and --drops come from the module'],
      [['--textfile', '/x.prom', '--drops'], '--textfile needs --interval'],
      [['-i', 'file'], 'export reads this host'],
      [['--json'], '--json has no meaning here'],
      [['--speed', '2'], '--speed replays a capture'],
      [['more'], 'too many arguments'],
    ]),
  )('`%s`', async (_line, args, message) => {
    const { stdout, stderr, code } = await run(['export', ...args]);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});
