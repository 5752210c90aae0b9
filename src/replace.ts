import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failureOf } from './failure.js';
import { isOwn, PRIVATE_MODE } from './ownership.js';

/** Return a name beside `path` that no other user can guess, and put something in its place. */
export function draftName(path: string): string {
  const unique = randomBytes(6).toString('hex');
  return join(dirname(path), `.${basename(path)}.${unique}`);
}

/**
 * Writes a file at once: who reads it meanwhile sees the old one or the new one.
 *
 * @param mode whatever the umask is; without it that of the old file, or PRIVATE_MODE
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

/** The same with a file that `fill` writes to. A Failure of its own is passed on. */
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
