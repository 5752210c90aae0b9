import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { errno, Failure, inWords, reasonOf } from './failure.js';

/** The exit status of flock(1) if another process has the lock. */
const HELD = 1;
const RETRY_MS = 50;

/** Another process has the lock. */
export class Held extends Error {}

/**
 * A lock by flock(2) on its own file. Its mode is 0600: any process that can read a file can lock
 * it. The kernel releases the lock when the process ends in any way, so no lock is ever stale.
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
          // Its holder removed it in the meantime: make it again.
        } else if (performance.now() >= giveUp) {
          throw new Held();
        } else {
          await pause(RETRY_MS);
        }
      } catch (error) {
        // Another process may hold an existing file.
        if (isNew && !(error instanceof Held)) {
          await unlink(path).catch(() => {});
        }
        await file.close();
        throw error;
      }
      await file.close();
    }
  }

  /** Remove the file, then release the lock: no other process loses its lock in this order. */
  async release(): Promise<void> {
    await unlink(this.path).catch(() => {});
    await this.file.close();
  }
}

/**
 * Open the lock file; `isNew` means that it did not exist. Other users may have put a link or a
 * pipe in its place.
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

/** Lock an open file: Node cannot, but flock(1) locks an inherited file, and the lock stays. */
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
