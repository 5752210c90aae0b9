import { readdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errno, Failure, inWords } from '../failure.js';
import type { Packing, Rotation } from './names.js';
import { makePacker } from './pack.js';
import { FilePart, type Meeting, type Part } from './part.js';
import type { Piece } from './piece.js';

const NEWLINE = 0x0a;
const DIGITS = 6;

/** Where parts go and how many there may be. */
export interface Plan {
  readonly path: string;
  readonly meeting: Meeting;
  readonly rotation: Rotation;
  /** Parts kept, the oldest go first; Infinity for all. */
  readonly keep: number;
  readonly packing: Packing | null;
  readonly sync: boolean;
}

/** Where a capture goes, cut into parts if it is rotated. */
export interface Sink {
  write(piece: Piece): Promise<void>;
  /** Makes what was written readable whatever happens. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Bytes written, in all parts. */
  readonly size: number;
  /** Where it went, in words. */
  readonly name: string;
}

/** One file or output that is never cut. */
export class Single implements Sink {
  readonly #part: Part;
  /** The header that the file has already. */
  readonly #header: string | null;
  #fresh = true;

  /** @param header the first line of a file that has its only header already */
  constructor(part: Part, header: string | null) {
    this.#part = part;
    this.#header = header;
  }

  get size(): number {
    return this.#part.size;
  }

  get name(): string {
    return this.#part.path;
  }

  async write(piece: Piece): Promise<void> {
    let header = this.#fresh && !piece.start;
    if (header && this.#header !== null) {
      if (String(piece.header) !== (this.#header && `${this.#header}\n`)) {
        throw new Failure(`${this.name} has other columns: nothing was appended to it`);
      }
      header = false;
    }
    this.#fresh = false;
    await this.#part.write(header ? Buffer.concat([piece.header, piece.bytes]) : piece.bytes);
  }

  flush(): Promise<void> {
    return this.#part.flush();
  }

  close(): Promise<void> {
    return this.#part.close();
  }
}

/**
 * The name of a part: `flood` gives flood.000001, flood.000002 …, `flood.gz` flood.000001.gz. The
 * numbers only grow, so names sort by age and none changes its meaning.
 */
export function partName(path: string, number: number): string {
  const [stem, ending] = split(path);
  return `${stem}.${String(number).padStart(DIGITS, '0')}${ending}`;
}

function split(path: string): [string, string] {
  const [ending = ''] = /(?<=[^/])\.(?:gz|zst)$/.exec(path) ?? [];
  return [path.slice(0, path.length - ending.length), ending];
}

/** The numbers of the parts that are there, rising. */
export async function partsOf(path: string): Promise<number[]> {
  const [stem, ending] = split(basename(path));
  const names = await readdir(dirname(path)).catch((error) => {
    throw new Failure(`cannot write ${path}: ${inWords(error)}`);
  });
  return names
    .filter((name) => name.startsWith(`${stem}.`) && name.endsWith(ending))
    .map((name) => name.slice(stem.length + 1, name.length - ending.length))
    .filter((digits) => /^\d{6,15}$/.test(digits))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Return the length of the whole lines that fit into the room. */
function linesWithin(bytes: Buffer, room: number): number {
  if (bytes.length <= room) {
    return bytes.length;
  }
  return room > 0 ? bytes.lastIndexOf(NEWLINE, room - 1) + 1 : 0;
}

/** A capture in numbered parts, each with a header of its own. */
export class Rotated implements Sink {
  readonly #plan: Plan;
  #numbers: number[];
  #part: Part;
  #born = performance.now();
  #fresh = true;
  #closedSize = 0;
  #opened = 1;
  /** Parts that had to go, for `keep`. */
  deleted = 0;

  private constructor(plan: Plan, numbers: number[], part: Part) {
    this.#plan = plan;
    this.#numbers = numbers;
    this.#part = part;
  }

  static async open(plan: Plan): Promise<Rotated> {
    const { path, meeting } = plan;
    let numbers = await partsOf(path);
    const [first] = numbers;
    if (first !== undefined && meeting === 'refuse') {
      throw new Failure(
        `${partName(path, first)} is there already: --force deletes all parts of ${path}, --append adds to them`,
      );
    }
    if (meeting === 'replace') {
      for (const number of numbers) {
        await remove(partName(path, number));
      }
      numbers = [];
    }
    const part = await openPart(plan, (numbers.at(-1) ?? 0) + 1);
    const rotated = new Rotated(plan, [...numbers, (numbers.at(-1) ?? 0) + 1], part);
    await rotated.#prune();
    return rotated;
  }

  get size(): number {
    return this.#closedSize + this.#part.size;
  }

  get name(): string {
    const last = this.#part.path;
    return this.#opened === 1 ? last : `${this.#opened} parts, the last ${last}`;
  }

  async write(piece: Piece): Promise<void> {
    let { bytes } = piece;
    let { start } = piece;
    while (bytes.length > 0) {
      if (!this.#fresh && this.#isOver()) {
        await this.#next();
      }
      const header = this.#fresh && !start ? piece.header : null;
      const room = this.#room() - (header?.length ?? 0);
      let end = linesWithin(bytes, room);
      if (end === 0 && !this.#fresh) {
        await this.#next();
        continue;
      }
      // A line that is longer than a part may be has a part of its own.
      end ||= bytes.indexOf(NEWLINE) + 1;
      const lines = bytes.subarray(0, end);
      await this.#part.write(header === null ? lines : Buffer.concat([header, lines]));
      this.#fresh = false;
      start = false;
      bytes = bytes.subarray(end);
    }
  }

  flush(): Promise<void> {
    return this.#part.flush();
  }

  close(): Promise<void> {
    return this.#part.close();
  }

  #isOver(): boolean {
    const { rotation } = this.#plan;
    return rotation.by === 'size'
      ? this.#part.size >= rotation.bytes
      : performance.now() - this.#born >= rotation.ms;
  }

  /** Bytes that may still go into this part, as far as it can be known before they are packed. */
  #room(): number {
    const { rotation } = this.#plan;
    return rotation.by === 'size' && this.#plan.packing === null
      ? rotation.bytes - this.#part.size
      : Number.POSITIVE_INFINITY;
  }

  async #next(): Promise<void> {
    await this.#part.close();
    this.#closedSize += this.#part.size;
    const number = (this.#numbers.at(-1) ?? 0) + 1;
    this.#part = await openPart(this.#plan, number);
    this.#numbers.push(number);
    this.#opened += 1;
    this.#born = performance.now();
    this.#fresh = true;
    await this.#prune();
  }

  async #prune(): Promise<void> {
    while (this.#numbers.length > this.#plan.keep) {
      await remove(partName(this.#plan.path, this.#numbers.shift() ?? 0));
      this.deleted += 1;
    }
  }
}

function openPart({ path, packing, sync }: Plan, number: number): Promise<FilePart> {
  const packer = packing === null ? null : makePacker(packing);
  return FilePart.open(partName(path, number), 'refuse', packer, sync);
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errno(error) !== 'ENOENT') {
      throw new Failure(`cannot delete ${path}: ${inWords(error)}`);
    }
  }
}
