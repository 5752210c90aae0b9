import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Failure } from '../src/failure.js';
import { draftName, replace, replaceBy } from '../src/replace.js';

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

test('a new file is for owner and group, and one that is there keeps its mode', async () => {
  const modeOf = async () => (await stat(path)).mode & 0o777;
  await replace(path, 'new');
  expect(await modeOf()).toBe(0o640 & ~process.umask());
  await chmod(path, 0o604);
  await replace(path, 'newer');
  expect(await modeOf()).toBe(0o604);
});

test('a draft has a name that no other user can guess', async () => {
  const names = new Set(Array.from({ length: 100 }, () => draftName(path)));
  expect(names.size).toBe(100);
  expect([...names][0]).toMatch(/\/\.file\.[0-9a-f]{12}$/);
});

test('if filling the file fails, the old one stays', async () => {
  await writeFile(path, 'old');
  const filled = replaceBy(path, async (file) => {
    await file.writeFile('half');
    throw new Failure('no more');
  });
  await expect(filled).rejects.toThrow(/^no more$/);
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(directory)).toEqual(['file']);
});

test('a failed write is reported in one line, and leaves nothing', async () => {
  await mkdir(path);
  await expect(replace(path, 'new')).rejects.toThrow(
    /^cannot write \S+: is a directory|^cannot write \S+: illegal operation on a directory/,
  );
  await expect(replace(join(path, 'none', 'x'), 'new')).rejects.toThrow(
    'no such file or directory',
  );
  expect(await readdir(directory)).toEqual(['file']);
});
