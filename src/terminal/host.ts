import type { Readable } from 'node:stream';
import type { Output } from './output.js';
import { printable } from './printable.js';

/** The keyboard, key by key. */
export interface Keys {
  /** Turns line editing off and hears every key as it is pressed, an arrow as its whole escape sequence; on again with `close`. */
  listen(onKey: (key: string) => void): void;
  close(): void;
}

/** What a command sees of the process it runs in. */
export interface Host {
  readonly out: Output;
  readonly err: Output;
  /** Aborts on Ctrl-C and the other signals that end a command, on `stop`, and on EPIPE of stdout. */
  readonly signal: AbortSignal;
  stop(): void;
  /** The exit status of a command that ends without an error: 0, unless it sets another. */
  status: number;
  stdin(): Readable;
  /** The keyboard, even while stdin is a pipe; null if there is none. */
  keys(): Keys | null;
  /** Calls `restore`, which must not wait, however the process ends. Returns what takes that back. */
  onExit(restore: () => void): () => void;
  /**
   * Signals go to `listener` and end nothing, until the returned function is called. Those that may
   * have been typed at a terminal, which reach every process of ours there, are `typed`.
   */
  onSignal(listener: (signal: NodeJS.Signals, typed: boolean) => void): () => void;
  /** Call `listener` on every SIGUSR1, which asks for progress, until the returned function is called. */
  onProgress(listener: () => void): () => void;
  /** SIGHUP is ignored, as under nohup; commands that we start must ignore it too. */
  readonly hangupIgnored: boolean;
  /** Stops the process as Ctrl-Z does; resolves when it is continued. */
  suspend(): Promise<void>;
}

/** Write to stderr. Never rejects: a full disk under a log must not end a capture or an exporter. */
export function writeAside(host: Host, text: string): Promise<void> {
  return host.err.write(text).catch(() => {});
}

/** Write a line to stderr. It is one line whatever the text contains. */
export function note(host: Host, text: string): Promise<void> {
  return writeAside(host, `tcpsynq: ${printable(text)}\n`);
}
