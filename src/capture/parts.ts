import { constants } from 'node:fs';
import { access, lstat, readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errno, Failure, inWords } from '../failure.js';
import type { FileLock } from '../lock.js';
import { endOfLine } from '../stream/whole-lines.js';
import { isCapture, prepareAppend } from './append.js';
import { lockName } from './lock.js';
import type { FormatName, Packing, Rotation } from './names.js';
import { makePacker } from './pack.js';
import { FilePart, linesIn, type Meeting, type Part } from './part.js';
import type { Piece } from './piece.js';

const [NEWLINE, HASH] = [0x0a, 0x23];
const NOTHING = Buffer.alloc(0);
/** Minimum and maximum number of digits of a part's number. */
const [DIGITS, MAX_DIGITS] = [6, 9];
/** Maximum bytes of header lines that wait for a record. */
const MAX_HELD = 1024 * 1024;

/** How a capture is rotated: the names, the limits and the form of its parts. */
export interface RotationPlan {
  readonly path: string;
  readonly meeting: Meeting;
  readonly rotation: Rotation;
  /** Number of parts kept; the oldest are deleted. Infinity for all. */
  readonly keep: number;
  readonly format: FormatName;
  readonly packing: Packing | null;
  readonly sync: boolean;
  /** Called with a line for the user. */
  readonly report: (text: string) => Promise<void>;
}

/** The target of a capture, cut into parts if it is rotated. */
export interface Sink {
  write(piece: Piece): Promise<void>;
  /** Make all lines written so far readable, whatever happens later. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Bytes written, in all parts. */
  readonly size: number;
  /** The target, as messages show it. */
  readonly name: string;
}

/** One file, or stdout, that is not rotated. */
export class Single implements Sink {
  #fresh = true;

  constructor(
    private readonly part: Part,
    /** The header line that the file already has, in a format with only one; otherwise null. */
    private readonly header: string | null,
    private readonly lock: FileLock | null,
  ) {}

  get size(): number {
    return this.part.size;
  }

  get name(): string {
    return this.part.path;
  }

  async write(piece: Piece): Promise<void> {
    let header = this.#fresh && !piece.start;
    if (header && this.header !== null) {
      if (String(piece.header) !== (this.header && `${this.header}\n`)) {
        throw new Failure(`${this.name} has other columns: nothing was appended to it`);
      }
      header = false;
    }
    this.#fresh = false;
    await this.part.write(header ? Buffer.concat([piece.header, piece.bytes]) : piece.bytes);
  }

  flush(): Promise<void> {
    return this.part.flush();
  }

  async close(): Promise<void> {
    try {
      await this.part.close();
    } finally {
      await this.lock?.release();
    }
  }
}

/**
 * Return the name of a part: `flood` gives flood.000001, flood.000002 …, `flood.gz`
 * flood.000001.gz. The numbers only grow, so names sort by age and no name is used twice.
 */
export function partName(path: string, number: number): string {
  const [stem, ending] = split(path);
  return `${stem}.${String(number).padStart(DIGITS, '0')}${ending}`;
}

function split(path: string): [string, string] {
  const [ending = ''] = /(?<=[^/])\.(?:gz|zst)$/.exec(path) ?? [];
  return [path.slice(0, path.length - ending.length), ending];
}

/**
 * Return the numbers of existing parts, ascending. A part is a file of this user that begins like a
 * capture.
 */
export async function partsOf(path: string): Promise<number[]> {
  const [stem, ending] = split(basename(path));
  const names = await readdir(dirname(path)).catch((error) => {
    throw new Failure(`cannot write ${path}: ${inWords(error)}`);
  });
  const known = new Set(names);
  const isNumber = new RegExp(`^\\d{${DIGITS},${MAX_DIGITS}}$`);
  const numbers = names
    .filter((name) => name.startsWith(`${stem}.`) && name.endsWith(ending))
    .map((name) => name.slice(stem.length + 1, name.length - ending.length))
    .filter((digits) => isNumber.test(digits))
    .map(Number)
    .filter((number) => number > 0 && known.has(partName(basename(path), number)));
  const parts: number[] = [];
  for (const number of new Set(numbers)) {
    if (await isCapture(partName(path, number)).catch(() => false)) {
      parts.push(number);
    }
  }
  return parts.sort((a, b) => a - b);
}

/** Return the length of the whole lines that fit into `room` bytes. */
function linesWithin(bytes: Buffer, room: number): number {
  if (bytes.length <= room) {
    return bytes.length;
  }
  return room > 0 ? bytes.lastIndexOf(NEWLINE, room - 1) + 1 : 0;
}

/**
 * Return the length of the lines up to and including the first record; 0 if all are header lines.
 */
function upToRecord(bytes: Buffer): number {
  let at = 0;
  while (bytes[at] === HASH) {
    at = endOfLine(bytes, at);
  }
  return at < bytes.length ? endOfLine(bytes, at) : 0;
}

/** The part that is being written. */
interface Current {
  readonly file: FilePart;
  /** The time of performance.now() when it began. */
  readonly born: number;
  /** The header that the part already has, in a format with only one; otherwise null. */
  readonly header: string | null;
  /** True until this process has written a record to the part. */
  isFresh: boolean;
  /** True until the part has a record. An empty part takes one record, however large. */
  isEmpty: boolean;
}

/**
 * A capture in numbered parts, each with its own header. The first record of a part creates it, and
 * only then is an old part deleted. So a capture that fails early deletes nothing.
 */
export class Rotated implements Sink {
  /** The subset of `numbers` that this process made. */
  readonly #made = new Set<number>();
  /** Header lines that wait for a record. */
  #held: Buffer[] = [];
  #heldLength = 0;
  /** Whether the first held line begins an epoch. */
  #isStartHeld = false;
  #last: string;
  #closedSize = 0;
  #opened = 0;
  #isPruned = false;
  #hasComplained = false;
  /** Number of parts deleted because of `keep`. */
  deleted = 0;
  /** Lines not written to a part, because of an earlier failure. */
  unwritten = 0;

  private constructor(
    private readonly plan: RotationPlan,
    private readonly lock: FileLock | null,
    private numbers: number[],
    private part: Current | null,
  ) {
    this.#last = part?.file.path ?? plan.path;
    this.#opened = part === null ? 0 : 1;
  }

  static async open(plan: RotationPlan): Promise<Rotated> {
    const { path, meeting } = plan;
    const [first] = await partsOf(path);
    await access(dirname(path), constants.W_OK).catch((error) => {
      throw new Failure(`cannot write ${path}: ${inWords(error)}`);
    });
    if (first !== undefined && meeting === 'refuse') {
      throw new Failure(
        `${partName(path, first)} is there already: --force deletes all parts of ${path}, --append adds to them`,
      );
    }
    const lock = await lockName(join(dirname(path), `.${basename(path)}.lock`), path, plan.report);
    try {
      const numbers = await partsOf(path);
      const last = meeting === 'append' ? numbers.at(-1) : undefined;
      const part = last === undefined ? null : await continued(plan, partName(path, last));
      return new Rotated(plan, lock, numbers, part);
    } catch (error) {
      await lock?.release();
      throw error;
    }
  }

  get size(): number {
    return this.#closedSize + (this.part?.file.size ?? 0);
  }

  get name(): string {
    return this.#opened > 1 ? `${this.#opened} parts, the last ${this.#last}` : this.#last;
  }

  async write(piece: Piece): Promise<void> {
    if (piece.start || this.#held.length === 0) {
      this.#held = [];
      this.#heldLength = 0;
      this.#isStartHeld = piece.start;
    }
    if (upToRecord(piece.bytes) === 0) {
      this.#hold(piece);
      return;
    }
    const bytes = Buffer.concat([...this.#held, piece.bytes]);
    const start = this.#isStartHeld;
    const { header } = piece;
    this.#held = [];
    this.#heldLength = 0;
    let rest = bytes;
    try {
      while (rest.length > 0) {
        this.part ??= await this.#next();
        const part = this.part;
        const isStart = start && rest.length === bytes.length;
        const own = part.isFresh && !isStart && part.header === null ? header : NOTHING;
        const end = this.#fitting(part, rest, own.length);
        if (end === 0 || (part.header !== null && part.header !== String(header))) {
          await this.#finish(part);
          continue;
        }
        const lines = rest.subarray(0, end);
        rest = rest.subarray(end);
        await part.file.write(Buffer.concat([own, lines]));
        await this.#begun(part);
      }
    } catch (error) {
      this.unwritten += linesIn(rest);
      throw error;
    }
  }

  /**
   * Keep header lines until a record arrives; above MAX_HELD bytes, keep only the header in force.
   */
  #hold({ bytes, header }: Piece): void {
    let kept = bytes;
    if (this.#heldLength + bytes.length > MAX_HELD) {
      // Drop comments in the middle of a part: a header there would begin an epoch.
      const isMiddle = !this.#isStartHeld && this.part?.isFresh === false;
      kept = isMiddle ? NOTHING : header;
      this.#isStartHeld = !isMiddle;
      this.#held = [];
      this.#heldLength = 0;
    }
    // Copy, since the caller uses the memory of the bytes again.
    this.#held.push(Buffer.from(kept));
    this.#heldLength += kept.length;
  }

  /** Flush the first record of a part, then delete the oldest parts. */
  async #begun(part: Current): Promise<void> {
    if (part.isFresh) {
      part.isFresh = false;
      part.isEmpty = false;
      await part.file.flush();
      await this.#prune();
    }
  }

  async flush(): Promise<void> {
    await this.part?.file.flush();
  }

  async close(): Promise<void> {
    try {
      // If the held lines do not fit into the current part, omit them: a new part would contain no
      // record.
      const lines = Buffer.concat(this.#held);
      const part = this.part;
      if (part?.isFresh === false && this.#fitting(part, lines, 0) === lines.length) {
        await part.file.write(lines);
      }
    } finally {
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    try {
      await this.part?.file.close();
    } finally {
      await this.lock?.release();
    }
  }

  /** Return the number of bytes that go into this part; 0 if the part is complete. */
  #fitting(part: Current, bytes: Buffer, header: number): number {
    const { rotation, packing } = this.plan;
    const isFull = rotation.by === 'size' && part.file.size >= rotation.bytes;
    const isOld = rotation.by === 'time' && performance.now() - part.born >= rotation.ms;
    const least = upToRecord(bytes) || bytes.length;
    if (!part.isEmpty && (isFull || isOld)) {
      return 0;
    }
    // The size of packed data is known only after packing.
    const room =
      rotation.by === 'size' && packing === null
        ? rotation.bytes - part.file.size - header
        : Number.POSITIVE_INFINITY;
    const end = linesWithin(bytes, room);
    // A line longer than the limit gets its own part.
    return end >= least ? end : part.isEmpty ? least : 0;
  }

  async #finish({ file }: Current): Promise<void> {
    this.part = null;
    await file.close();
    this.#closedSize += file.size;
  }

  /** Begin the next part. */
  async #next(): Promise<Current> {
    const { meeting } = this.plan;
    if (meeting === 'replace' && !this.#isPruned) {
      await this.#delete(this.numbers.splice(0));
    }
    for (let number = (this.numbers.at(-1) ?? 0) + 1; ; number += 1) {
      const path = partName(this.plan.path, number);
      if (number >= 10 ** MAX_DIGITS) {
        const last = partName(this.plan.path, this.numbers.at(-1) ?? 0);
        throw new Failure(`no number is left after ${last}: move that file away`);
      }
      // Skip a name that exists, even if another user has created it just now.
      const file = await FilePart.make(path, makePacker(this.plan.packing), this.plan.sync);
      if (file !== null) {
        this.numbers.push(number);
        this.#made.add(number);
        this.#opened += 1;
        this.#last = path;
        return { file, born: performance.now(), header: null, isFresh: true, isEmpty: true };
      }
    }
  }

  async #prune(): Promise<void> {
    this.#isPruned = true;
    const over = Math.max(0, this.numbers.length - this.plan.keep);
    this.deleted += await this.#delete(this.numbers.splice(0, over));
  }

  /**
   * Delete parts, and return how many were deleted. The others stay, and only the first is
   * reported.
   */
  async #delete(numbers: readonly number[]): Promise<number> {
    let deleted = 0;
    for (const number of numbers) {
      const path = partName(this.plan.path, number);
      try {
        if (await isCapture(path, this.#made.has(number))) {
          await unlink(path);
          deleted += 1;
        } else if ((await lstat(path).catch(() => null)) !== null) {
          await this.#complain(`${path} is not a capture of this user: it stays`);
        }
      } catch (error) {
        if (errno(error) !== 'ENOENT') {
          await this.#complain(`cannot delete ${path}: ${inWords(error)}; it stays`);
        }
      }
    }
    return deleted;
  }

  async #complain(text: string): Promise<void> {
    if (!this.#hasComplained) {
      this.#hasComplained = true;
      await this.plan.report(text);
    }
  }
}

/** Repair the last part. Return it if it can be continued and has room; else null. */
async function continued(plan: RotationPlan, path: string): Promise<Current | null> {
  const { rotation, format, packing } = plan;
  const { birthtimeMs, mtimeMs } = await stat(path);
  const age = Math.max(0, Date.now() - (birthtimeMs || mtimeMs));
  let first: string | null;
  try {
    first = await prepareAppend(path, format, packing, plan.report);
  } catch (error) {
    if (error instanceof Failure) {
      // It has another format, or is damaged: leave it unchanged.
      return null;
    }
    throw new Failure(`cannot write ${path}: ${inWords(error)}`);
  }
  const { size } = await stat(path);
  if (rotation.by === 'size' ? size >= rotation.bytes : age >= rotation.ms) {
    return null;
  }
  return {
    file: await FilePart.open(path, 'append', makePacker(plan.packing), plan.sync),
    born: performance.now() - age,
    header: format === 'csv' && first !== null ? `${first}\n` : null,
    isFresh: true,
    isEmpty: first === null,
  };
}
