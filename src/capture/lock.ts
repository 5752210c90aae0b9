import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open, stat, unlink } from 'node:fs/promises';
import { errno, Failure } from '../failure.js';

/** What flock(1) exits with if somebody else has the lock. */
const HELD = 1;

/**
 * Keeps other captures from a file for as long as it is open. The kernel drops the lock with the
 * process, however that ends, so that no lock is ever stale.
 */
export class Lock {
  readonly #file: FileHandle;
  readonly #made: string | null;

  private constructor(file: FileHandle, made: string | null) {
    this.#file = file;
    this.#made = made;
  }

  /**
   * Lock a file, made if it is not there. Return null if it cannot be locked: it is a device or a
   * pipe, or it cannot be opened. Throw a Failure if another capture has it.
   */
  static async of(path: string): Promise<Lock | null> {
    const { O_WRONLY, O_CREAT, O_NONBLOCK } = constants;
    const file = await open(path, O_WRONLY | O_CREAT | O_NONBLOCK).catch(() => null);
    if (file === null) {
      return null;
    }
    const isRegular = (await file.stat()).isFile();
    if (!isRegular || !(await isLocked(file, path))) {
      await file.close();
      return null;
    }
    return new Lock(file, null);
  }

  /**
   * Lock a name by a file that is made for it, and removed at the end.
   *
   * @param path of that file
   * @param name what is locked, for messages
   */
  static async by(path: string, name: string): Promise<Lock | null> {
    for (;;) {
      const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600).catch(
        () => null,
      );
      if (file === null) {
        return null;
      }
      if (!(await isLocked(file, name))) {
        await unlink(path).catch(() => {});
        await file.close();
        return null;
      }
      const [ours, there] = [await file.stat(), await stat(path).catch(() => null)];
      if (ours.ino === there?.ino) {
        return new Lock(file, path);
      }
      // The capture that had it removed it meanwhile.
      await file.close();
    }
  }

  async release(): Promise<void> {
    if (this.#made !== null) {
      // While it is still locked, so that no other process loses its own.
      await unlink(this.#made).catch(() => {});
    }
    await this.#file.close();
  }
}

/** Lock an open file: Node cannot, but flock(1) locks what it inherits, and it stays locked. */
async function isLocked(file: FileHandle, name: string): Promise<boolean> {
  const status = await new Promise<number | null>((resolve, reject) => {
    const child = spawn('flock', ['-n', '-x', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', file.fd],
    });
    child.on('error', (error) => (errno(error) === 'ENOENT' ? resolve(null) : reject(error)));
    child.on('exit', (code) => resolve(code));
  }).catch(() => null);
  if (status === HELD) {
    await file.close();
    throw new Failure(`another capture writes to ${name}: stop it, or write to another file`);
  }
  return status === 0;
}
