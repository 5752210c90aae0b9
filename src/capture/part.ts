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
/** Packed lines are flushed after this many bytes: a full disk can lose as many. */
const FLUSH_BYTES = 256 * 1024;

/** Thrown when lines could not be written. The file still holds whole lines. */
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
   * Take whole lines; after it resolves, their memory is used again. Reject with a Failure if they
   * cannot be written; the lines before them are then safe.
   */
  write(lines: Buffer): Promise<void>;
  /** Make all lines written so far readable, whatever happens later. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Treatment of an existing file. */
export type Meeting = 'refuse' | 'replace' | 'append';

const { O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
/** With O_APPEND, a file that another process cuts becomes shorter, but gets no hole. */
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
 * Open a file for writing. Refuse a link or a file of another user, even one made in the meantime.
 */
export async function openForWriting(path: string, use: Use): Promise<FileHandle> {
  const isLink = await refuseForeignLink(path);
  if (use === 'refuse') {
    return open(path, FLAGS.refuse, PRIVATE_MODE);
  }
  // Another user may replace this user's link by another link.
  const target = isLink ? await targetOf(path) : path;
  if (use === 'device') {
    return openDevice(target, path);
  }
  // A new file is this user's own, even if its file system names another owner.
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
 * Open a device. Check it first without opening it for writing: that would block until a pipe has a
 * reader, and some devices act when opened.
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

/** Return the target of a link; the last part of its path may be missing. */
async function targetOf(path: string): Promise<string> {
  return realpath(path).catch(async () => resolve(dirname(path), await readlink(path)));
}

/** Throw a Failure, and close the file, if it has another kind or another owner. */
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
 * Return the status of a file, null if there is none. Throw a Failure if it is of a kind that holds
 * no capture.
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

/** A file of whole lines: where a write fails it is cut after the last line that is whole. */
export class FilePart implements Part {
  size = 0;
  /** The file can be read up to this byte. */
  #safe: number;
  /** Lines packed since then, and their bytes. */
  #pending = 0;
  #pendingBytes = 0;
  #dirty = false;
  /** Packed data need an end; false for an existing file without appended data. */
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

  /** @param sync write to the disk at each flush */
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

  /** Make a file. Return null if the name exists. */
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

  /** @param later lines after these: they are lost too if these cannot be written */
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
    // Keep the trailer of the last flush until this flush is on disk.
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

  /** Check that the file still exists, and write it to disk if `sync` is set. */
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

  /** Cut the file to its readable part. */
  async #cut(trailer = NOTHING): Promise<void> {
    try {
      await this.file.truncate(this.#safe);
      this.size = this.#safe;
      await this.file.write(trailer, 0, trailer.length, this.#safe);
    } catch {
      // The disk is full or worse, and the failure is already reported.
    }
  }
}

/** Put a new file's name on disk too. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

/** Standard output, at the pace of its reader. */
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
