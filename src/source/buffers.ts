/** Chunks, and a way to give back their memory for the next reads. */
export interface Owned {
  /** A chunk does not change until it is released. */
  readonly chunks: AsyncGenerator<Buffer, void, void>;
  /**
   * Takes back a chunk that has no other references. The garbage collector frees chunks that are
   * not given back.
   */
  readonly release?: ((chunk: Buffer) => void) | undefined;
}

/** Yield the chunks; each is valid until the caller asks for the next. */
export async function* inTurn({ chunks, release }: Owned): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of chunks) {
    yield chunk;
    release?.(chunk);
  }
}

/** Reuses buffers of one size for reads: new pages of memory cost more than the read itself. */
export class Buffers {
  readonly #spare: Buffer[] = [];
  readonly #own = new WeakSet<ArrayBufferLike>();

  constructor(private readonly size: number) {}

  take(): Buffer {
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.size);
    this.#own.add(buffer.buffer);
    return buffer;
  }

  /** Takes back a buffer from take(); a part of it is enough. Ignores any other buffer. */
  readonly release = ({ buffer }: Buffer): void => {
    if (this.#own.delete(buffer)) {
      this.#spare.push(Buffer.from(buffer));
    }
  };
}
