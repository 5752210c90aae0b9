import type { Writable } from 'node:stream';
import { errno, Failure, inWords } from '../failure.js';

/** A writable stream with the additions of a terminal. */
export type Destination = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/**
 * A destination of text. When its reader goes away (EPIPE), it closes without an error, calls
 * `onClosed`, and drops later writes. Any other error of the destination rejects the next write.
 */
export class Output {
  /** Whether the destination is a terminal. */
  readonly tty: boolean;
  /** Whether the destination is a terminal that understands escape codes. */
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

  /** Return the columns of the terminal; 80 for a serial line that reports 0. */
  get columns(): number {
    return this.stream.columns || 80;
  }

  get rows(): number {
    return this.stream.rows || 24;
  }

  onResize(listener: () => void): void {
    this.stream.on('resize', listener);
  }

  /** Write, and wait while the destination is slower, so that nothing accumulates here. */
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

  /** Write all pending text, then resolve. */
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

/** Return whether the reader has left; a terminal that hung up answers EIO. */
function readerLeft(error: unknown): boolean {
  return errno(error) === 'EPIPE' || errno(error) === 'EIO';
}

function cannotWrite(error: unknown): Failure {
  return new Failure(`cannot write: ${inWords(error)}`);
}
