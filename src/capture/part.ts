import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errno, Failure, failureOf, inWords } from '../failure.js';
import { isOwn, PRIVATE_MODE } from '../ownership.js';
import { endOfLine } from '../stream/whole-lines.js';
import type { Output } from '../terminal/output.js';
import type { Packer } from './pack.js';

const NEWLINE = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);
/**
 * Packed lines are flushed after this many bytes. This is also the most that a full disk can lose.
 */
const FLUSH_BYTES = 256 * 1024;

/** Thrown when lines could not be written. The file still holds only whole lines. */
export class CannotWrite extends Failure {
  constructor(
    path: string,
    error: unknown,
    /** Lines that were taken, but are not in the file. */
    public lines: number,
  ) {
    super(`cannot write ${path}: ${inWords(error)}; what it holds is whole lines`);
  }

  andThen(lines: number): this {
    this.lines += lines;
    return this;
  }
}

export function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
    lines += 1;
  }
  return lines;
}

/** The target of a capture's lines: one file, or standard output. */
export interface Part {
  readonly path: string;
  /** Bytes written, after compression. */
  readonly size: number;
  /**
   * Take whole lines. The caller uses their memory again after this resolves. Reject with a Failure
   * if they cannot be written; the lines written before them are then safe.
   */
  write(lines: Buffer): Promise<void>;
  /** Make all lines written so far readable, whatever happens later. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Treatment of an existing file. */
export type Meeting = 'refuse' | 'replace' | 'append';

const { O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
/** O_APPEND: if another process truncates the file, later writes do not leave a hole in it. */
const FLAGS = {
  refuse: O_WRONLY | O_CREAT | O_EXCL | O_APPEND,
  replace: O_WRONLY | O_APPEND,
  append: O_WRONLY | O_APPEND,
  repair: O_RDWR,
};
/** From <fcntl.h>; Node has no name for it. */
const O_PATH = 0o10000000;

/** Purpose for which a file is opened. */
type Use = keyof typeof FLAGS | 'device';

/**
 * Refuse a symbolic link of another user (see isOwn): it may lead to a file that only this user may
 * write. Return whether the path is a link.
 */
export async function refuseForeignLink(path: string): Promise<boolean> {
  const there = await lstat(path).catch(() => null);
  if (!there?.isSymbolicLink()) {
    return false;
  }
  if (!isOwn(there)) {
    throw new Failure(`cannot write ${path}: it is a link that another user has made`);
  }
  return true;
}

/**
 * Open a file for writing. Refuse a link or a file of another user, even if it appears after the
 * first check.
 */
export async function openForWriting(path: string, use: Use): Promise<FileHandle> {
  const isLink = await refuseForeignLink(path);
  if (use === 'refuse') {
    return open(path, FLAGS.refuse, PRIVATE_MODE);
  }
  // Open the target of this user's link, not the link: another user may replace the link by
  // another.
  const target = isLink ? await targetOf(path) : path;
  if (use === 'device') {
    return openDevice(target, path);
  }
  // A file that is created here is this user's, even if its file system reports another owner.
  const made =
    use === 'repair' ? null : await open(target, FLAGS.refuse, PRIVATE_MODE).catch(ifThere);
  if (made !== null) {
    return made;
  }
  const flags = FLAGS[use] | O_NOFOLLOW | O_NONBLOCK;
  const file = await checked(await open(target, flags), path, (there) => there.isFile());
  if (use === 'replace') {
    await file.truncate();
    await file.chmod((await file.stat()).mode & PRIVATE_MODE);
  }
  return file;
}

/**
 * Open a character device. Check its kind through O_PATH first: opening a pipe for writing would
 * block until it has a reader, and some devices act when opened.
 *
 * @param path for messages
 */
async function openDevice(target: string, path: string): Promise<FileHandle> {
  const place = await open(target, O_PATH | O_NOFOLLOW);
  await checked(place, path, (there) => there.isCharacterDevice());
  try {
    return await open(`/proc/self/fd/${place.fd}`, O_WRONLY);
  } finally {
    await place.close();
  }
}

function ifThere(error: unknown): null {
  if (errno(error) !== 'EEXIST') {
    throw error;
  }
  return null;
}

/** Return the target of a link, even if the last component of the target does not exist. */
async function targetOf(path: string): Promise<string> {
  return realpath(path).catch(async () => resolve(dirname(path), await readlink(path)));
}

/** Return the file. If it is of another kind, or another user's, close it and throw a Failure. */
async function checked(
  file: FileHandle,
  path: string,
  isKind: (file: Stats) => boolean,
): Promise<FileHandle> {
  const there = await file.stat();
  const isFile = there.isFile();
  const why = isKind(there)
    ? isFile &&
      !isOwn(there) &&
      'it belongs to another user: delete or chown it, or write to another file'
    : 'it was replaced in the meantime';
  if (why) {
    await file.close();
    throw new Failure(`cannot write ${path}: ${why}`);
  }
  return file;
}

/**
 * Return the Stats of a file; null if it does not exist. Throw a Failure if it is of a kind that
 * cannot hold a capture.
 */
export async function requireWritable(path: string): Promise<Stats | null> {
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory()) {
    throw new Failure(`cannot write ${path}: it is a directory`);
  }
  if (there?.isFIFO() || there?.isSocket()) {
    throw new Failure(`cannot write ${path}: it is a pipe; write to - and redirect that`);
  }
  if (there?.isBlockDevice()) {
    throw new Failure(`cannot write ${path}: it is a disk`);
  }
  return there;
}

/**
 * A file of whole lines. If a write fails, the file is cut after the last whole line that can be
 * read.
 */
export class FilePart implements Part {
  size = 0;
  /** The file can be read up to this byte. */
  #safe: number;
  /** Number of lines packed after `#safe`, and of their unpacked bytes. */
  #pending = 0;
  #pendingBytes = 0;
  #dirty = false;
  /** Whether packed data still need an end; false for an existing file without appended data. */
  #isOpen: boolean;
  #failed = false;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    size: number,
    private readonly regular: boolean,
    private readonly packer: Packer | null,
    private readonly sync: boolean,
  ) {
    this.size = size;
    this.#safe = size;
    this.#isOpen = size === 0;
  }

  /** @param sync whether each flush also writes the file to the disk */
  static async open(
    path: string,
    meeting: Meeting,
    packer: Packer | null,
    sync: boolean,
  ): Promise<FilePart> {
    const there = await requireWritable(path);
    // A character device holds nothing that could be overwritten.
    const regular = there === null || there.isFile();
    try {
      const file = await openForWriting(path, regular ? meeting : 'device');
      if (sync && regular) {
        await syncDirectory(dirname(path));
      }
      const { size } = await file.stat();
      return new FilePart(path, file, regular ? size : 0, regular, packer, sync);
    } catch (error) {
      throw errno(error) === 'EEXIST'
        ? new Failure(`${path} is there already: --force overwrites it, --append adds to it`)
        : failureOf(`cannot write ${path}`, error);
    }
  }

  /** Create a file. Return null if the name exists. */
  static async make(path: string, packer: Packer | null, sync: boolean): Promise<FilePart | null> {
    try {
      const file = await open(path, FLAGS.refuse, PRIVATE_MODE);
      if (sync) {
        await syncDirectory(dirname(path));
      }
      return new FilePart(path, file, 0, true, packer, sync);
    } catch (error) {
      if (errno(error) === 'EEXIST') {
        return null;
      }
      throw new Failure(`cannot write ${path}: ${inWords(error)}`);
    }
  }

  async write(lines: Buffer): Promise<void> {
    this.#dirty = true;
    this.#isOpen = true;
    if (this.packer === null) {
      await this.#put(lines);
      this.#safe = this.size;
      return;
    }
    for (let rest = lines; rest.length > 0; ) {
      const fits = rest.length <= FLUSH_BYTES - this.#pendingBytes;
      const end = fits ? rest.length : endOfLine(rest, FLUSH_BYTES - this.#pendingBytes - 1);
      await this.#pack(this.packer, rest.subarray(0, end), rest.subarray(end));
      rest = rest.subarray(end);
    }
  }

  /** @param later the lines after `lines`; if `lines` cannot be written, these are lost too */
  async #pack(packer: Packer, lines: Buffer, later: Buffer): Promise<void> {
    this.#pending += linesIn(lines);
    this.#pendingBytes += lines.length;
    try {
      await this.#put(await packer.push(lines));
      if (this.#pendingBytes >= FLUSH_BYTES) {
        await this.#flushPacked(packer);
      }
    } catch (error) {
      throw error instanceof CannotWrite ? error.andThen(linesIn(later)) : error;
    }
  }

  async #flushPacked(packer: Packer): Promise<void> {
    // If this flush cannot be written, the file is cut at the previous flush, and needs that
    // flush's trailer.
    const { trailer } = packer;
    await this.#put(await packer.flush(), trailer);
    this.#safe = this.size;
    this.#pending = 0;
    this.#pendingBytes = 0;
  }

  async flush(): Promise<void> {
    if (!this.#dirty) {
      return;
    }
    if (this.packer !== null) {
      await this.#flushPacked(this.packer);
    }
    await this.#settle();
    this.#dirty = false;
  }

  async close(): Promise<void> {
    try {
      if (!this.#failed) {
        await this.flush();
        await this.#put((this.#isOpen && (await this.packer?.end())) || NOTHING);
        await this.#settle();
      }
    } finally {
      await this.file.close();
    }
  }

  /**
   * Write the file to disk if `sync` is set, and check that no other process has deleted or cut it.
   */
  async #settle(): Promise<void> {
    if (!this.regular) {
      return;
    }
    try {
      if (this.sync) {
        await this.file.sync();
      }
    } catch (error) {
      this.#failed = true;
      throw new CannotWrite(this.path, error, 0);
    }
    const { nlink, size } = await this.file.stat();
    if (nlink === 0 || size < this.#safe) {
      this.#failed = true;
      const what = nlink === 0 ? 'deleted' : 'cut';
      throw new Failure(`${this.path} was ${what} while it was written: what it held is gone`);
    }
  }

  async #put(bytes: Buffer, trailer = this.packer?.trailer): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      try {
        const { bytesWritten } = await this.file.write(bytes, done);
        done += bytesWritten;
        this.size += bytesWritten;
      } catch (error) {
        this.#failed = true;
        let lines = this.#pending;
        if (this.packer === null) {
          const whole = bytes.subarray(0, done).lastIndexOf(NEWLINE) + 1;
          this.#safe += whole;
          lines = linesIn(bytes.subarray(whole));
        }
        await this.#cut(trailer);
        throw new CannotWrite(this.path, error, lines);
      }
    }
  }

  /** Cut the file to its readable part, and end that with the trailer. */
  async #cut(trailer = NOTHING): Promise<void> {
    try {
      await this.file.truncate(this.#safe);
      this.size = this.#safe;
      await this.file.write(trailer, 0, trailer.length, this.#safe);
    } catch {
      // The disk is full or worse. The caller throws the first error.
    }
  }
}

/** Write a directory to disk, so that the name of a new file in it is on disk too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

/** Standard output, written at the pace of its reader. */
export class OutputPart implements Part {
  readonly path = 'standard output';
  size = 0;

  constructor(
    private readonly out: Output,
    private readonly packer: Packer | null,
  ) {}

  async write(lines: Buffer): Promise<void> {
    // A stream may keep a reference to the bytes, so copy them.
    await this.#put(this.packer === null ? Buffer.from(lines) : await this.packer.push(lines));
  }

  async flush(): Promise<void> {
    if (this.packer !== null) {
      await this.#put(await this.packer.flush());
    }
  }

  async close(): Promise<void> {
    if (this.packer !== null) {
      await this.#put(await this.packer.end());
    }
  }

  async #put(bytes: Buffer): Promise<void> {
    this.size += bytes.length;
    await this.out.write(bytes);
  }
}
