import type { Counters } from '../stream/counters.js';
import { parseInteger } from '../stream/number.js';
import { NETSTAT } from '../stream/schema.js';

/** Socket states by their number in /proc/net/tcp, from include/net/tcp_states.h (Linux 6.1). */
const STATES = [
  '',
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
];

const STATE_FIELD = 3;
const REFERENCES_FIELD = 10;
const [TAB, NEWLINE, SPACE, ZERO] = [0x09, 0x0a, 0x20, 0x30];

/**
 * Counts the sockets in /proc/net/tcp or tcp6 by state. It reads bytes in one pass and keeps no
 * line, because it runs when that file is largest.
 *
 * The kernel prints half-opens (request sockets, NEW_SYN_RECV) with state 03, like full sockets in
 * SYN_RECV (Fast Open, simultaneous open). But their reference count is 0, which a full socket
 * never has: get_openreq4() and get_tcp4_sock(), net/ipv4/tcp_ipv4.c, Linux 4.14 to 6.x.
 */
export class SocketTally {
  halfOpen = 0;
  readonly #states = new Array<number>(256).fill(0);
  #field = 0;
  #inField = false;
  #state = 0;
  #references = 0;
  #header = true;

  /** Take the next bytes of the file, which may end anywhere in a line. */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a state machine that runs for every byte
  push(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (byte === NEWLINE) {
        this.#endOfLine();
      } else if (byte === SPACE || byte === TAB) {
        if (this.#inField) {
          this.#inField = false;
          this.#field += 1;
        }
      } else {
        this.#inField = true;
        if (this.#field === STATE_FIELD) {
          this.#state = ((this.#state << 4) | hexDigit(byte)) & 0xff;
        } else if (this.#field === REFERENCES_FIELD && byte !== ZERO) {
          this.#references = 1;
        }
      }
    }
  }

  #endOfLine(): void {
    if (!this.#header && this.#field > REFERENCES_FIELD) {
      if (this.#state === 3 && this.#references === 0) {
        this.halfOpen += 1;
      } else {
        this.#states[this.#state] = (this.#states[this.#state] ?? 0) + 1;
      }
    }
    this.#header = false;
    this.#field = 0;
    this.#inField = false;
    this.#state = 0;
    this.#references = 0;
  }

  /** End one file: the next byte begins another, which starts with a header row. */
  endOfFile(): void {
    this.#header = true;
  }

  /** Return the sockets per state, in descending order; half-opens are NEW_SYN_RECV. */
  byState(): { state: string; sockets: number }[] {
    return this.#states
      .map((sockets, number) => ({ state: STATES[number] || `state ${number}`, sockets }))
      .concat({ state: 'NEW_SYN_RECV', sockets: this.halfOpen })
      .filter(({ sockets }) => sockets > 0)
      .sort((a, b) => b.sockets - a.sockets);
  }
}

function hexDigit(byte: number): number {
  return byte <= 0x39 ? byte - ZERO : (byte | 0x20) - 0x57;
}

/**
 * Parse cookies and refusals from the `TcpExt:` lines of /proc/net/netstat, counted since the
 * namespace was made. `queue_full` lacks SYNs refused by the three-quarters rule of
 * tcp_max_syn_backlog, which increments only ListenDrops (tcp_conn_request(), net/ipv4/tcp_input.c,
 * Linux 6.1).
 */
export function parseNetstat(text: string): Counters {
  const [names, values] = text
    .split('\n')
    .filter((line) => line.startsWith('TcpExt: '))
    .map((line) => line.trim().split(' '));
  const figures: Counters = {};
  for (const [figure, name] of Object.entries(NETSTAT)) {
    const at = names?.indexOf(name) ?? -1;
    const value = at < 0 ? undefined : parseInteger(values?.[at] ?? '');
    if (value !== undefined) {
      figures[figure as keyof typeof NETSTAT] = value;
    }
  }
  return figures;
}
