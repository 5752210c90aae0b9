import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { errno, Failure, inWords, reasonOf } from './failure.js';

/** The exit status of flock(1) if another process has the lock. */
const HELD = 1;
const RETRY_MS = 50;

/** Thrown if another process has the lock. */
export class Held extends Error {}

/**
 * A lock by flock(2) on its own file. The file's mode is 0600, since any process that can read a
 * file can lock it. The kernel releases the lock when the process ends in any way, so no lock is
 * ever stale.
 */
export class FileLock {
  private constructor(
    private readonly file: FileHandle,
    private readonly path: string,
  ) {}

  /**
   * Make the file and lock it. Wait up to `patience` ms for another process to release the lock.
   *
   * @throws Held if another process has the lock, Failure with the reason if locking fails
   */
  static async take(path: string, patience = 0): Promise<FileLock> {
    const giveUp = performance.now() + patience;
    for (;;) {
      const { file, isNew } = await openOwn(path);
      try {
        if (await isLocked(file)) {
          const [ours, there] = [await file.stat(), await lstat(path).catch(() => null)];
          if (ours.dev === there?.dev && ours.ino === there.ino) {
            return new FileLock(file, path);
          }
          // The holder removed the file before this process locked it: make the file again.
        } else if (performance.now() >= giveUp) {
          throw new Held();
        } else {
          await pause(RETRY_MS);
        }
      } catch (error) {
        // Remove only a file that was made here: another process may hold an existing one.
        if (isNew && !(error instanceof Held)) {
          await unlink(path).catch(() => {});
        }
        await file.close();
        throw error;
      }
      await file.close();
    }
  }

  /**
   * Remove the file, and only then release the lock: otherwise another process could lock the file
   * before it is removed.
   */
  async release(): Promise<void> {
    await unlink(this.path).catch(() => {});
    await this.file.close();
  }
}

/**
 * Open the lock file; `isNew` means that it did not exist. Refuse a link or a pipe, which another
 * user may have put in its place.
 */
async function openOwn(path: string) {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
  const made = await open(path, flags | O_EXCL, 0o600).catch(() => null);
  const file =
    made ??
    (await open(path, flags, 0o600).catch((error) => {
      const isOdd = errno(error) === 'ELOOP' || errno(error) === 'ENXIO';
      throw new Failure(`${path}: ${isOdd ? 'not a regular file' : inWords(error)}`);
    }));
  const there = await file.stat();
  const why = there.isFile()
    ? there.uid !== process.geteuid?.() && 'it belongs to another user'
    : 'not a regular file';
  if (why) {
    await file.close();
    throw new Failure(`${path}: ${why}`);
  }
  return { file, isNew: made !== null };
}

/**
 * Lock an open file, and return whether it is locked. Node has no call for it, but flock(1) locks
 * an inherited file, and the lock stays when flock ends.
 */
async function isLocked(file: FileHandle): Promise<boolean> {
  // These options exist in busybox's flock too.
  const child = spawn('flock', ['-n', '-x', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file.fd],
  });
  const [code, signal] = await once(child, 'exit').catch((error) => {
    throw new Failure(
      errno(error) === 'ENOENT'
        ? 'flock is not installed (package util-linux)'
        : `cannot run flock: ${reasonOf(error)}`,
    );
  });
  if (code !== 0 && code !== HELD) {
    throw new Failure(`flock ended with ${signal ?? `status ${code}`}`);
  }
  return code === 0;
}
