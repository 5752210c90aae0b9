import type { Readable } from 'node:stream';
import type { Output } from './output.js';
import { printable } from './printable.js';

/** The keyboard, key by key. */
export interface Keys {
  /** Turn line editing off until `close`; report each key, an arrow as its whole sequence. */
  listen(onKey: (key: string) => void): void;
  close(): void;
}

/** The process, for commands. */
export interface Host {
  readonly out: Output;
  readonly err: Output;
  /** Aborts on signals that end a command, such as Ctrl-C, on `stop`, and on EPIPE of stdout. */
  readonly signal: AbortSignal;
  stop(): void;
  /** The exit status of a command without an error: 0, unless it sets another. */
  status: number;
  stdin(): Readable;
  /** Return the keyboard, even while stdin is a pipe; null if there is none. */
  keys(): Keys | null;
  /**
   * Call `restore` at any exit of the process; it must be synchronous. Return a function that
   * cancels this.
   */
  onExit(restore: () => void): () => void;
  /**
   * Pass signals to `listener` instead of ending the command, until the returned function is
   * called. `typed` means that the signal may come from a terminal, which sends it to all processes
   * of this group.
   */
  onSignal(listener: (signal: NodeJS.Signals, typed: boolean) => void): () => void;
  /** Call `listener` on SIGUSR1, a request for progress, until the returned function is called. */
  onProgress(listener: () => void): () => void;
  /** Whether SIGHUP is ignored, as under nohup; if so, commands started here must ignore it too. */
  readonly hangupIgnored: boolean;
  /** Stop the process like Ctrl-Z; resolve when it is continued. */
  suspend(): Promise<void>;
}

/** Write to stderr. Never reject: a full disk under a log must not end a capture or an exporter. */
export function writeAside(host: Host, text: string): Promise<void> {
  return host.err.write(text).catch(() => {});
}

/** Write exactly one line to stderr, for any text. */
export function note(host: Host, text: string): Promise<void> {
  return writeAside(host, `tcpsynq: ${printable(text)}\n`);
}
