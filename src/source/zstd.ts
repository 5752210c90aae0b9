import { pipeline, Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { Turns } from './turns.js';

/** The zstd functions of node:zlib. They exist since Node 22.15; the types of Node 20 lack them. */
interface Zstd {
  readonly createZstdCompress?: () => zlib.Gzip;
  readonly createZstdDecompress?: () => Transform;
}

/** Pack zstd, and unpack one frame of it; undefined if this Node has no zstd. */
export const { createZstdCompress, createZstdDecompress } = zlib as Zstd;

/** ZSTD_e_flush of zstd.h: make all input so far readable. */
export const ZSTD_FLUSH = 1;

/** Why zstd is not available. */
export const NO_ZSTD = `this Node (${process.version}) has no zstd: 22.15 and later have`;

const MAGIC = 0xfd2fb528;
const RLE = 1;

/** Return whether bytes begin a frame, by its magic number: RFC 8878, section 3.1.1. */
export function isZstd(head: Buffer): boolean {
  return head.length > 3 && head.readUInt32LE(0) === MAGIC;
}

/**
 * Unpack a file of any number of frames, one after another, as `--append` and `cat` make them.
 * Node's decompressor ends with the first frame, and ignores the rest silently. Stop after many
 * consecutive empty frames, or at the signal.
 */
export async function* unpackZstd(
  packed: AsyncIterator<Buffer>,
  create: () => Transform,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  const next = async () => {
    const bytes = rest;
    rest = Buffer.alloc(0);
    return bytes.length > 0 ? bytes : ((await packed.next()).value as Buffer | undefined);
  };
  async function* frame(first: Buffer, end: FrameEnd) {
    for (let bytes: Buffer | undefined = first; bytes !== undefined; bytes = await next()) {
      const at = end.find(bytes);
      rest = bytes.subarray(at);
      yield bytes.subarray(0, at);
      if (end.found) {
        return;
      }
    }
  }
  const turns = new Turns();
  for (let first = await next(); first !== undefined && !signal?.aborted; first = await next()) {
    const unpack = create();
    const end = new FrameEnd();
    let length = 0;
    // The pipeline's error reaches the loop below, which reads its last stream.
    pipeline(Readable.from(frame(first, end)), unpack, () => {});
    for await (const bytes of unpack as AsyncIterable<Buffer>) {
      length += bytes.length;
      yield bytes;
    }
    if (!end.found || turns.isStuck(length === 0)) {
      // Node does not report a cut frame either. Throw an error with the code that cut gzip data
      // would have.
      throw Object.assign(new Error('unexpected end of file'), { code: 'Z_BUF_ERROR' });
    }
  }
}

/** Finds the end of a frame by the lengths of its blocks: RFC 8878, section 3.1.1. */
class FrameEnd {
  found = false;
  #head: number[] = [];
  /** Length of the next head; `#read` handles it when it is complete. */
  #wanted = 4;
  #skip = 0;
  #read: (head: Buffer) => void = this.#magic;
  #checksum = 0;

  /** @returns the number of these bytes that belong to the frame */
  find(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && !this.found) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - at);
        this.#skip -= step;
        at += step;
      } else {
        this.#head.push(bytes[at] as number);
        at += 1;
      }
      while (!this.found && this.#skip === 0 && this.#head.length === this.#wanted) {
        const head = Buffer.from(this.#head);
        this.#head = [];
        this.#read(head);
      }
    }
    return at;
  }

  #expect(bytes: number, read: (head: Buffer) => void): void {
    this.#wanted = bytes;
    this.#read = read;
  }

  #magic(head: Buffer): void {
    if (isZstd(head)) {
      this.#expect(1, this.#descriptor);
    } else {
      // A skippable frame, or no frame at all, which the decompressor reports.
      this.#expect(4, (length) => {
        this.#skip = length.readUInt32LE(0);
        this.#expect(0, this.#end);
      });
    }
  }

  #descriptor([flags = 0]: Buffer): void {
    const single = (flags & 0x20) !== 0;
    const contentSize = [single ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
    const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
    this.#checksum = (flags & 4) !== 0 ? 4 : 0;
    this.#skip = contentSize + dictionary + (single ? 0 : 1);
    this.#expect(3, this.#block);
  }

  #block(head: Buffer): void {
    const word = head.readUIntLE(0, 3);
    const last = (word & 1) !== 0;
    this.#skip = ((word >> 1) & 3) === RLE ? 1 : word >> 3;
    if (last) {
      this.#skip += this.#checksum;
      this.#expect(0, this.#end);
    }
  }

  #end(): void {
    this.found = true;
  }
}
