import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLI, named, run, Started, start } from './command.js';

// Errors of `tcpsynq module` before it changes anything. dkms.test.ts and, in a guest, test/install
// test the rest.

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-module-'));
});

afterAll(() => rm(directory, { recursive: true }));

const isRoot = userInfo().uid === 0;
const TAKES_ROOT = 'tcpsynq: installing and removing a module takes root\n';

test.each(['install', 'remove'])('without dkms: %s', async (action) => {
  const { stdout, stderr, code } = await start(['module', action], { PATH: directory }).ended();
  // The command checks for root first: other users may be unable to read a folder of PATH.
  expect(stderr).toBe(
    isRoot
      ? 'tcpsynq: dkms is not installed: apt-get install dkms, or dnf install dkms\n'
      : TAKES_ROOT,
  );
  expect([stdout, code]).toEqual(['', 1]);
});

test.each(['install', 'remove'])('without root: %s', async (action) => {
  const command = [process.execPath, CLI, 'module', action];
  const [file = '', ...args] = isRoot
    ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...command]
    : command;
  const { stdout, stderr, code } = await new Started(file, args).ended();
  expect(stderr).toBe(TAKES_ROOT);
  expect([stdout, code]).toEqual(['', 1]);
});

test.each(
  named([
    [['module'], /^Usage: tcpsynq module /],
    [['module', 'update'], /^tcpsynq: unknown command 'update'\n/],
    [['module', 'install', '0.1.0'], /^tcpsynq: too many arguments/],
    [['module', 'remove', '--json'], /^tcpsynq: module reads no figures: .*\n$/],
    [['module', 'install', '-i', 'proc'], /^tcpsynq: module reads no figures: .*\n$/],
  ]),
)('refuses `%s`', async (_line, args, message) => {
  const { stdout, stderr, code } = await run(args);
  expect(stderr).toMatch(message);
  expect([stdout, code]).toEqual(['', 2]);
});
