import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../failure.js';
import { FileLock, Held } from '../lock.js';

/** The suffix of a part of a rotated capture. */
const PART = /\.\d{6}(\.gz|\.zst)?$/;

/**
 * Lock a capture file by a file beside it. A part of a rotated capture uses the lock of the whole
 * capture. Return null for a device or a pipe, and if the file cannot be locked. Throw a Failure if
 * another capture holds the lock.
 *
 * @param tell receives a line on why it cannot be locked
 */
export async function lockCapture(
  path: string,
  tell: (text: string) => Promise<void>,
): Promise<FileLock | null> {
  // A link and its target are one file.
  const real = await realpath(path).catch(() => path);
  const there = await stat(real).catch(() => null);
  const folder = await stat(dirname(real)).catch(() => null);
  // A missing folder is reported later, when the file is opened.
  if (folder === null || there?.isFile() === false) {
    return null;
  }
  const name = basename(real).replace(PART, '');
  return lockName(join(dirname(real), `.${name}.lock`), path, tell);
}

/**
 * Lock a name by a file that is made for it, and removed at the end.
 *
 * @param path of that file
 * @param name shown in messages
 * @param tell receives a line on why it cannot be locked
 */
export async function lockName(
  path: string,
  name: string,
  tell: (text: string) => Promise<void>,
): Promise<FileLock | null> {
  try {
    return await FileLock.take(path);
  } catch (error) {
    if (error instanceof Held) {
      throw new Failure(`another capture writes to ${name}: stop it, or write to another file`);
    }
    if (!(error instanceof Failure)) {
      throw error;
    }
    await tell(`cannot keep other captures from ${name}: ${error.message}`);
    return null;
  }
}
