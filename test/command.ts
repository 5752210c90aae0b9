import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Host } from '../src/terminal/host.ts';
import { eventually } from './eventually.ts';
import { MARK, OWN } from './left.ts';

/** The built command, as it is installed. */
export const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process, and its output so far. It must end before the tests of its file do. */
export class Started {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly #closed: Promise<unknown[]>;

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(file, args, { env: { ...process.env, ...env, [MARK]: OWN } });
    this.child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.child.stdin?.on('error', () => {});
    this.#closed = once(this.child, 'close');
  }

  /** Return the command line, for messages. */
  get line(): string {
    return this.child.spawnargs.join(' ');
  }

  /** Wait until stdout matches. */
  async until(pattern: RegExp): Promise<void> {
    await this.#shows(`${pattern}`, () => pattern.test(this.stdout));
  }

  /** Wait until stderr matches, and return the match. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#shows(`${pattern} on stderr`, () => pattern.exec(this.stderr));
  }

  /**
   * Type keys at a screen, and return the lines of the next complete frame that matches. Without
   * keys, it may be the current frame.
   */
  async press(keys: string, shows: RegExp): Promise<string[]> {
    const before = keys === '' ? 0 : this.stdout.length;
    this.child.stdin?.write(keys);
    return this.#shows(`a frame that shows ${shows}`, () => {
      const lines = lastFrame(this.stdout.slice(before));
      return shows.test(lines.join('\n')) ? lines : null;
    });
  }

  /** Wait until `predicate` returns a value. Throw an error if the process ends before. */
  #shows<T>(what: string, predicate: () => T): Promise<Exclude<T, false | null | undefined>> {
    const look = () => {
      const value = predicate();
      if (!value && this.child.exitCode !== null) {
        throw new Error(`ended before ${what}: ${this.stdout}${this.stderr}`);
      }
      return value;
    };
    // Less than vitest's limit for a test, so that this error comes first.
    return eventually(`${what} from ${this.line}`, look);
  }

  async ended(): Promise<Ended> {
    await this.#closed;
    const { exitCode: code, signalCode: signal } = this.child;
    return { stdout: this.stdout, stderr: this.stderr, code, signal };
  }
}

/** Start the command as a process. */
export function start(args: readonly string[], env?: NodeJS.ProcessEnv): Started {
  return new Started(process.execPath, [CLI, ...args], env);
}

/** Start the command as if installed: execute its file, which finds Node in PATH. */
export function execute(args: readonly string[], env?: NodeJS.ProcessEnv): Started {
  return new Started(CLI, args, { PATH: pathWithNode(), ...env });
}

function pathWithNode(): string {
  return [dirname(process.execPath), process.env.PATH].join(delimiter);
}

/**
 * Run the command as a process to its end, with `input` on stdin. Beyond `run`, this tests that the
 * built file starts, and how Node and the kernel handle its streams, signals and exit.
 */
export async function spawned(args: readonly string[], input = ''): Promise<Ended> {
  const started = start(args);
  started.child.stdin?.end(input);
  return started.ended();
}

/** Import a built file: Node loads it ten times as fast as Vitest loads the sources. */
const built = (name: string) => import(new URL(`../build/${name}`, import.meta.url).href);
const { run: runOnHost } = (await built('run.js')) as typeof import('../src/run.js');
const { Output } = (await built(
  'terminal/output.js',
)) as typeof import('../src/terminal/output.js');
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/**
 * Run the command in this process, with `input` on stdin, and with no terminal or keyboard. This
 * tests output, files and exit status of a command line in a tenth of the time of a process.
 */
export async function run(args: readonly string[], input = ''): Promise<Ended> {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const abort = new AbortController();
  const restorers = new Set<() => void>();
  const stop = () => abort.abort();
  const restore = () => {
    for (const one of restorers) {
      one();
    }
  };
  const host: Host = {
    out: new Output(stdout, {}, stop),
    err: new Output(stderr, {}),
    signal: abort.signal,
    stop,
    status: 0,
    stdin: () => Readable.from(input === '' ? [] : [Buffer.from(input)]),
    keys: () => null,
    onExit(one) {
      restorers.add(one);
      return () => restorers.delete(one);
    },
    onSignal: () => () => {},
    onProgress: () => () => {},
    hangupIgnored: false,
    suspend: () => Promise.reject(new Error('only a process can be suspended')),
  };
  const code = await runOnHost(args, host, version, restore);
  restore();
  await host.err.flush();
  return { stdout: stdout.text(), stderr: stderr.text(), code, signal: null };
}

/** Put each command line, as typed, before its words, to name a test after it. */
export function named<Rest extends readonly unknown[]>(
  rows: readonly (readonly [args: readonly string[], ...rest: Rest])[],
): [line: string, args: readonly string[], ...rest: Rest][] {
  return rows.map(([args, ...rest]) => [args.join(' '), args, ...rest]);
}

/** Collects all bytes written to it. */
class Sink extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(Buffer.from(chunk));
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

/** Run a line of bash. `$T` in it starts the command with this Node, `$X` as if installed. */
export async function bash(line: string): Promise<Ended> {
  const env = { T: `${process.execPath} ${CLI}`, X: CLI, PATH: pathWithNode() };
  const started = new Started('bash', ['-c', line], env);
  started.child.stdin?.end();
  return started.ended();
}

/** Start the command on a new terminal. Its output there, stderr included, is `stdout`. */
export function onTerminal(
  args: readonly string[],
  size: { readonly columns: number; readonly rows: number },
  env: NodeJS.ProcessEnv = {},
): Started {
  const quoted = [process.execPath, CLI, ...args].map((word) => `'${word}'`).join(' ');
  const line = `stty cols ${size.columns} rows ${size.rows}; exec ${quoted}`;
  const plain = { TERM: 'xterm-256color', NO_COLOR: '', ...env };
  return new Started('script', ['--quiet', '--return', '--command', line, '/dev/null'], plain);
}

/** Return the lines of the last complete frame in a terminal's output, without colour. */
function lastFrame(output: string): string[] {
  const begun = output.split('\u001b[?2026h').slice(1);
  const frame =
    begun.findLast((one) => one.includes('\u001b[?2026l'))?.split('\u001b[?2026l')[0] ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
  return frame.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').split(/\r+\n/);
}
