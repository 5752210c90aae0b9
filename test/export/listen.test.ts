import { execFileSync } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listen } from '../../src/export/listen.js';
import { Started } from '../command.js';

let directory: string;
let path: string;
const servers: ReturnType<typeof createServer>[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  path = join(directory, 'socket');
});

afterEach(async () => {
  for (const one of servers.splice(0)) {
    await new Promise((resolve) => one.close(resolve));
  }
  await rm(directory, { recursive: true });
});

function server() {
  const one = createServer((_request, response) => response.end('here\n'));
  servers.push(one);
  return one;
}

function ask(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/' }, (response) => {
      response.on('data', (chunk) => resolve(String(chunk)));
    })
      .on('error', reject)
      .end();
  });
}

/** Leave a socket behind, as a killed exporter does. */
async function abandon(): Promise<void> {
  const script = `require('net').createServer().listen(process.argv[1], () => console.log('up'))`;
  const started = new Started(process.execPath, ['-e', script, path]);
  await started.until(/up/);
  started.child.kill('SIGKILL');
  await started.ended();
  expect((await lstat(path)).isSocket()).toBe(true);
}

describe('an address', () => {
  test('port 0 selects a free port, which is reported', async () => {
    expect((await listen(server(), { host: '127.0.0.1', port: 0 })).name).toMatch(
      /^http:\/\/127\.0\.0\.1:[1-9]\d*\/metrics$/,
    );
  });

  test('in use, of another host, unknown: one line', async () => {
    const { name } = await listen(server(), { host: '127.0.0.1', port: 0 });
    const port = Number(new URL(name).port);
    await expect(listen(server(), { host: '127.0.0.1', port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: address already in use`,
    );
    await expect(listen(server(), { host: '192.0.2.1', port: 0 })).rejects.toThrow(
      'cannot listen on 192.0.2.1:0: address not available',
    );
    await expect(listen(server(), { host: 'none.invalid', port: 0 })).rejects.toThrow(
      /^cannot listen on none\.invalid:0: [^\n]+$/,
    );
  });
});

describe('a socket', () => {
  test('is for owner and group, and is gone at the end', async () => {
    const one = server();
    const { name, remove } = await listen(one, { path });
    expect(name).toBe(`unix:${path}`);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    expect(await ask(path)).toBe('here\n');
    remove();
    one.closeAllConnections();
    await new Promise((resolve) => one.close(resolve));
    servers.pop();
    expect(await readdir(directory)).toEqual([]);
  });

  test('that another has put in its place is left alone', async () => {
    const [one, other] = [server(), server()];
    const { remove } = await listen(one, { path });
    await rm(path);
    await listen(other, { path });
    remove();
    expect(await ask(path)).toBe('here\n');
    await new Promise((resolve) => one.close(resolve));
    servers.shift();
    expect(await ask(path)).toBe('here\n');
  });

  const lockOf = () => join(directory, '.socket.lock');

  /** Start a process that holds a lock, with flock(1). */
  async function hold(file: string): Promise<Started> {
    const words = ['--no-fork', file, 'sh', '-c', 'echo held; exec sleep 60'];
    const holder = new Started('flock', words);
    await holder.until(/held/);
    return holder;
  }

  test('listens although another process locked its folder', async () => {
    const holder = await hold(directory);
    await listen(server(), { path });
    expect(await ask(path)).toBe('here\n');
    holder.child.kill();
    await holder.ended();
  });

  test('while another starts: one line', async () => {
    const holder = await hold(lockOf());
    await expect(listen(server(), { path })).rejects.toThrow(
      `cannot listen on ${path}: ${lockOf()} is locked: another exporter is starting`,
    );
    holder.child.kill();
    await holder.ended();
  });

  test('a link or a pipe in place of the lock: one line, and nothing is made', async () => {
    const error = `cannot listen on ${path}: ${lockOf()}: not a regular file`;
    await symlink(join(directory, 'nologin'), lockOf());
    await expect(listen(server(), { path })).rejects.toThrow(error);
    expect(await readdir(directory)).toEqual(['.socket.lock']);
    await rm(lockOf());
    execFileSync('mkfifo', [lockOf()]);
    await expect(listen(server(), { path })).rejects.toThrow(error);
  });

  test.each([
    ['none', null, 'flock is not installed (package util-linux)'],
    ['not executable', 0o644, 'cannot run flock: permission denied'],
    ['one that fails', 0o755, 'flock ended with status 64'],
  ])('flock: %s', async (_name, mode, why) => {
    const before = process.env.PATH;
    const folder = join(directory, 'bin');
    await mkdir(folder);
    if (mode !== null) {
      await writeFile(join(folder, 'flock'), '#!/bin/sh\nexit 64\n', { mode });
    }
    process.env.PATH = folder;
    try {
      await expect(listen(server(), { path })).rejects.toThrow(`cannot listen on ${path}: ${why}`);
      expect(await readdir(directory)).toEqual(['bin']);
      // An existing lock file stays, because another process may have locked it.
      await writeFile(lockOf(), '');
      await expect(listen(server(), { path })).rejects.toThrow(`cannot listen on ${path}: ${why}`);
      expect(await readdir(directory)).toEqual(['.socket.lock', 'bin']);
    } finally {
      process.env.PATH = before;
    }
  });

  test('of a killed exporter is replaced', async () => {
    await abandon();
    await listen(server(), { path });
    expect(await ask(path)).toBe('here\n');
  });

  test('where another listens is left alone', async () => {
    await listen(server(), { path });
    await expect(listen(server(), { path })).rejects.toThrow(
      `cannot listen on ${path}: address already in use`,
    );
    expect(await ask(path)).toBe('here\n');
  });

  test('a file that is not a socket is left alone, and so is a link', async () => {
    await writeFile(path, 'precious');
    await expect(listen(server(), { path })).rejects.toThrow('it is no socket');
    await rm(path);
    await symlink('/nowhere', path);
    await expect(listen(server(), { path })).rejects.toThrow('it is no socket');
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
  });

  test('in a folder that is not there: one line', async () => {
    await expect(listen(server(), { path: join(directory, 'none', 's') })).rejects.toThrow(
      /^cannot listen on \S+: \S+: no such file or directory$/,
    );
  });
});
