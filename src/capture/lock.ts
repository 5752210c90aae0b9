import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure } from '../failure.js';
import { FileLock, Held } from '../lock.js';

/** What parts of a rotated capture have after its name. */
const PART = /\.\d{6}(\.gz|\.zst)?$/;

/** Keeps other captures from a file until it is released. */
export class Lock {
  private constructor(private readonly lock: FileLock) {}

  /**
   * Lock a capture file by a file beside it. A part of a rotated capture is locked as the whole. Return
   * null for a device or a pipe, and if the file cannot be locked. Throw a Failure if another capture
   * has it.
   *
   * @param tell receives a line on why it cannot be locked
   */
  static async of(path: string, tell: (text: string) => Promise<void>): Promise<Lock | null> {
    // A link and its target are one file.
    const real = await realpath(path).catch(() => path);
    const there = await stat(real).catch(() => null);
    const folder = await stat(dirname(real)).catch(() => null);
    // Opening the file reports a folder that is not there.
    if (folder === null || there?.isFile() === false) {
      return null;
    }
    const name = basename(real).replace(PART, '');
    return Lock.by(join(dirname(real), `.${name}.lock`), path, tell);
  }

  /**
   * Lock a name by a file that is made for it, and removed at the end.
   *
   * @param path of that file
   * @param name what is locked, for messages
   * @param tell receives a line on why it cannot be locked
   */
  static async by(
    path: string,
    name: string,
    tell: (text: string) => Promise<void>,
  ): Promise<Lock | null> {
    try {
      return new Lock(await FileLock.take(path));
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

  release(): Promise<void> {
    return this.lock.release();
  }
}
