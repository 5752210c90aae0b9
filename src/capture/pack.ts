import { once } from 'node:events';
import { constants, crc32, createGzip, type Gzip } from 'node:zlib';
import { Usage } from '../failure.js';
import { createZstdCompress, NO_ZSTD, ZSTD_FLUSH } from '../source/zstd.js';
import type { Packing } from './names.js';
import { endOf } from './repair.js';

/**
 * Packs bytes so that all data up to the last flush can be read, even if the file ends there. Each
 * call returns the bytes packed since the previous call; calls must not overlap.
 */
export interface Packer {
  push(bytes: Buffer): Promise<Buffer>;
  flush(): Promise<Buffer>;
  end(): Promise<Buffer>;
  /** The bytes that complete a file that is cut at the last flush; empty before the first flush. */
  readonly trailer: Buffer;
}

/**
 * Make a packer; return null for no compression. Throw a Usage if this Node lacks the compression.
 */
export function makePacker(packing: Packing | null): Packer | null {
  switch (packing) {
    case null:
      return null;
    case 'gzip':
      return new GzipPacker();
    case 'zstd':
      return new ZstdPacker();
    default:
      return packing satisfies never;
  }
}

abstract class ZlibPacker implements Packer {
  readonly #stream: Gzip;
  readonly #flush: number;
  #out: Buffer[] = [];
  trailer: Buffer = Buffer.alloc(0);

  constructor(stream: Gzip, flush: number) {
    this.#stream = stream;
    this.#flush = flush;
    stream.on('data', (chunk) => this.#out.push(chunk));
  }

  async push(bytes: Buffer): Promise<Buffer> {
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
    return this.#take();
  }

  async flush(): Promise<Buffer> {
    await new Promise<void>((resolve) => this.#stream.flush(this.#flush, resolve));
    return this.#take();
  }

  async end(): Promise<Buffer> {
    const ended = once(this.#stream, 'end');
    this.#stream.end();
    await ended;
    return this.#take();
  }

  #take(): Buffer {
    return Buffer.concat(this.#out.splice(0));
  }
}

class GzipPacker extends ZlibPacker {
  #crc = 0;
  #length = 0;

  constructor() {
    super(createGzip(), constants.Z_SYNC_FLUSH);
  }

  override push(bytes: Buffer): Promise<Buffer> {
    this.#crc = crc32(bytes, this.#crc);
    this.#length = (this.#length + bytes.length) % 2 ** 32;
    return super.push(bytes);
  }

  override async flush(): Promise<Buffer> {
    const packed = await super.flush();
    this.trailer = endOf(this.#crc, this.#length);
    return packed;
  }
}

/** Throw a Usage if this Node does not have this compression. */
export function checkPacking(packing: Packing | null): void {
  if (packing === 'zstd' && createZstdCompress === undefined) {
    throw new Usage(`--compress=zstd: ${NO_ZSTD}; gzip it can`);
  }
}

class ZstdPacker extends ZlibPacker {
  constructor() {
    checkPacking('zstd');
    super((createZstdCompress as NonNullable<typeof createZstdCompress>)(), ZSTD_FLUSH);
  }

  override async flush(): Promise<Buffer> {
    const packed = await super.flush();
    // An empty last block (RFC 8878, 3.1.1.2). Node's zlib adds a checksum to a frame only on
    // request.
    this.trailer = Buffer.from([1, 0, 0]);
    return packed;
  }
}
