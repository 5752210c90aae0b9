/** Chunks as they come, and who may read into their memory again. */
export interface Owned {
  /** A chunk stays as it is until it is released. */
  readonly chunks: AsyncGenerator<Buffer, void, void>;
  /** Takes back a chunk that nothing refers to any more; without it that is left to the garbage collector. */
  readonly release?: ((chunk: Buffer) => void) | undefined;
}

/** Each chunk is good until the next is asked for. */
export async function* inTurn({ chunks, release }: Owned): AsyncGenerator<Buffer, void, void> {
  for await (const chunk of chunks) {
    yield chunk;
    release?.(chunk);
  }
}

/** Memory to read into, of one size, used again: new pages cost more than what is read into them. */
export class Buffers {
  readonly #spare: Buffer[] = [];
  readonly #own = new WeakSet<ArrayBufferLike>();

  constructor(private readonly size: number) {}

  take(): Buffer {
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.size);
    this.#own.add(buffer.buffer);
    return buffer;
  }

  /** Takes back what take() gave, or a part of it that stands for the whole. Anything else it leaves. */
  readonly release = ({ buffer }: Buffer): void => {
    if (this.#own.delete(buffer)) {
      this.#spare.push(Buffer.from(buffer));
    }
  };
}
