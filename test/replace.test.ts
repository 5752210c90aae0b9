import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { draft, replace } from '../src/replace.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  path = join(directory, 'file');
});

afterEach(() => rm(directory, { recursive: true }));

test('the new file is another, with the mode asked for, and nothing is left beside it', async () => {
  await writeFile(path, 'old');
  const before = (await stat(path)).ino;
  await replace(path, 'new', 0o604);
  expect(await readFile(path, 'utf8')).toBe('new');
  const { ino, mode } = await stat(path);
  expect([ino === before, mode & 0o777]).toEqual([false, 0o604]);
  expect(await readdir(directory)).toEqual(['file']);
});

test('a link in its way is not followed', async () => {
  const precious = join(directory, 'precious');
  await writeFile(precious, 'as it was');
  await symlink(precious, draft(path));
  await replace(path, 'new');
  expect(await readFile(precious, 'utf8')).toBe('as it was');
  expect((await lstat(path)).isFile()).toBe(true);
});

test('what cannot be written is told in one line, and leaves nothing', async () => {
  await mkdir(path);
  await expect(replace(path, 'new')).rejects.toThrow(
    /^cannot write \S+: is a directory|^cannot write \S+: illegal operation on a directory/,
  );
  await expect(replace(join(path, 'none', 'x'), 'new')).rejects.toThrow(
    'no such file or directory',
  );
  expect(await readdir(directory)).toEqual(['file']);
});
