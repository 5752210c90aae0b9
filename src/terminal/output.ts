import type { Writable } from 'node:stream';
import { errno, Failure, inWords } from '../failure.js';

/** The parts of a writable stream that a terminal adds. */
export type Destination = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/**
 * Where text goes. A reader that went away (EPIPE) closes it quietly, and `onClosed` is told; what
 * is written after that is dropped. Any other error of the destination rejects the next write.
 */
export class Output {
  /** The destination is a terminal. */
  readonly tty: boolean;
  /** The terminal understands escape codes. */
  readonly steerable: boolean;
  readonly colour: boolean;
  closed = false;
  #failure: Error | null = null;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly stream: Destination,
    env: NodeJS.ProcessEnv,
    onClosed: () => void = () => {},
  ) {
    this.tty = stream.isTTY === true;
    this.steerable = this.tty && env.TERM !== 'dumb' && (env.TERM ?? '') !== '';
    this.colour = this.steerable && (env.NO_COLOR ?? '') === '';
    const release = () => {
      for (const wake of this.#waiting.splice(0)) {
        wake();
      }
    };
    stream.on('drain', release);
    stream.on('error', (error) => {
      if (readerLeft(error)) {
        this.closed = true;
      } else {
        this.#failure = cannotWrite(error);
      }
      release();
      onClosed();
    });
  }

  /** Columns of the terminal; a serial line that says 0 is taken for 80. */
  get columns(): number {
    return this.stream.columns || 80;
  }

  get rows(): number {
    return this.stream.rows || 24;
  }

  onResize(listener: () => void): void {
    this.stream.on('resize', listener);
  }

  /** Writes, and waits while the destination is slower: so nothing piles up here. */
  async write(text: string | Uint8Array): Promise<void> {
    if (this.#failure !== null) {
      throw this.#failure;
    }
    if (!this.closed && !this.stream.write(text)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
      if (this.#failure !== null) {
        throw this.#failure;
      }
    }
  }

  /** Writes all that is pending, then resolves. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        resolve();
        return;
      }
      this.stream.write('', (error) => {
        const failure = this.#failure ?? (error && !readerLeft(error) ? cannotWrite(error) : null);
        failure === null ? resolve() : reject(failure);
      });
    });
  }
}

/** EIO is what a terminal that hung up answers. */
function readerLeft(error: unknown): boolean {
  return errno(error) === 'EPIPE' || errno(error) === 'EIO';
}

function cannotWrite(error: unknown): Failure {
  return new Failure(`cannot write: ${inWords(error)}`);
}
