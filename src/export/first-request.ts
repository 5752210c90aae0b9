import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

const [NEWLINE, RETURN] = [0x0a, 0x0d];

/**
 * A connection up to the end of its first request's headers; what comes after them is thrown away.
 * Node's parser makes all requests of a chunk before it hands on the first, some thousands of 64 KiB.
 */
export class FirstRequest extends Duplex {
  readonly #socket: Socket;
  /** The line that is being read is empty so far. */
  #empty = false;
  #state: 'incomplete' | 'asked' | 'answered' = 'incomplete';

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (this.#state === 'incomplete') {
        this.push(chunk.subarray(0, this.#end(chunk)));
      }
    });
    socket.on('end', () => this.push(null));
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
  }

  /** How far the request is: its headers are incomplete, or all here, or its answer is sent. */
  get state(): 'incomplete' | 'asked' | 'answered' {
    return this.#state;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => {
      this.#state = 'answered';
      done();
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  /** How many bytes belong to the headers. */
  #end(chunk: Buffer): number {
    for (const [at, byte] of chunk.entries()) {
      if (byte === NEWLINE) {
        if (this.#empty) {
          this.#state = 'asked';
          return at + 1;
        }
        this.#empty = true;
      } else if (byte !== RETURN) {
        this.#empty = false;
      }
    }
    return chunk.length;
  }
}
