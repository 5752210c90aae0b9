import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failureOf } from './failure.js';
import { isOwn, PRIVATE_MODE } from './ownership.js';

/** Return a name beside `path` that other users cannot guess, so they cannot create it first. */
export function draftName(path: string): string {
  const unique = randomBytes(6).toString('hex');
  return join(dirname(path), `.${basename(path)}.${unique}`);
}

/**
 * Replace a file atomically: concurrent readers see either the old file or the new one.
 *
 * @param mode independent of the umask; by default that of the old file, or PRIVATE_MODE
 */
export async function replace(
  path: string,
  text: string | Uint8Array,
  mode?: number,
): Promise<void> {
  await replaceBy(path, async (file) => {
    await file.writeFile(text);
    if (mode !== undefined) {
      await file.chmod(mode);
    }
  });
}

/** Replace a file by the output of `fill`. Pass on a Failure of `fill` unchanged. */
export async function replaceBy(
  path: string,
  fill: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const made = draftName(path);
  try {
    const file = await open(made, 'wx', PRIVATE_MODE);
    try {
      const old = await lstat(path).catch(() => null);
      if (old?.isFile() && isOwn(old)) {
        await file.chmod(old.mode & 0o777);
      }
      await fill(file);
    } finally {
      await file.close();
    }
    await rename(made, path);
  } catch (error) {
    await rm(made, { force: true }).catch(() => {});
    throw failureOf(`cannot write ${path}`, error);
  }
}
