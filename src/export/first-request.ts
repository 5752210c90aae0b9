import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

const [NEWLINE, RETURN] = [0x0a, 0x0d];

/**
 * The progress of a connection. `incomplete`: headers are missing. `asked`: all headers have
 * arrived. `sending`: the kernel has not taken the whole answer yet. `answered`: it has.
 */
type RequestState = 'incomplete' | 'asked' | 'sending' | 'answered';

/**
 * Maximum duration of each state in ms, whatever the client does. A reading of a host with very
 * many sockets takes seconds, so `asked` has the longest. `answered` continues the time of
 * `sending`.
 */
export const DEADLINES_MS = { incomplete: 10_000, asked: 30_000, sending: 10_000 } as const;

/**
 * A connection up to the end of its first request's headers. Node's parser gets only these bytes:
 * it would make all requests of a chunk before it hands on the first, thousands for 64 KiB. Later
 * bytes are read after the answer is sent, and discarded: unread bytes would make the kernel reset
 * the connection.
 */
export class FirstRequest extends Duplex {
  state: RequestState = 'incomplete';
  /** The time of performance.now() when it entered its state. */
  since = performance.now();
  readonly #socket: Socket;
  /**
   * Whether a byte of the request line has arrived: empty lines before it are ignored (RFC 9112
   * 2.2).
   */
  #begun = false;
  /** Whether the current line is empty so far. */
  #empty = false;
  #deadline: NodeJS.Timeout;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    this.#deadline = this.#limit(DEADLINES_MS.incomplete);
    socket.on('data', (chunk: Buffer) => {
      if (this.state === 'incomplete') {
        this.push(chunk.subarray(0, this.#end(chunk)));
      }
    });
    socket.on('end', () => {
      // A client may close its half after the request. Do not pass that on: Node would then send no
      // answer.
      if (this.state === 'incomplete') {
        this.push(null);
      }
    });
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.state === 'incomplete' || this.state === 'asked') {
      this.#enter('sending');
    }
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => {
      this.#enter('answered');
      this.#socket.resume();
      done();
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#deadline);
    this.#socket.destroy();
    done(error);
  }

  #enter(state: Exclude<RequestState, 'incomplete'>): void {
    this.state = state;
    this.since = performance.now();
    if (state !== 'answered') {
      clearTimeout(this.#deadline);
      this.#deadline = this.#limit(DEADLINES_MS[state]);
    }
  }

  #limit(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.destroy(), ms);
  }

  /** Return the number of bytes of a chunk that belong to the headers. */
  #end(chunk: Buffer): number {
    for (const [at, byte] of chunk.entries()) {
      if (byte === NEWLINE && this.#begun) {
        if (this.#empty) {
          this.#enter('asked');
          this.#socket.pause();
          return at + 1;
        }
        this.#empty = true;
      } else if (byte !== RETURN && byte !== NEWLINE) {
        this.#begun = true;
        this.#empty = false;
      }
    }
    return chunk.length;
  }
}
