import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The built command, started as a person would. */
export const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process whose output is collected. */
export class Started {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly #closed: Promise<unknown[]>;

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(file, args, { env: { ...process.env, ...env } });
    this.child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.child.stdin?.on('error', () => {});
    this.#closed = once(this.child, 'close');
  }

  /** Resolves as soon as stdout matches. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stdout)) {
      if (this.child.exitCode !== null) {
        throw new Error(`ended before ${pattern}: ${this.stdout}${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Types keys at a screen; resolves with the lines of the next whole picture that matches. */
  async press(keys: string, shows: RegExp): Promise<string[]> {
    const before = this.stdout.length;
    this.child.stdin?.write(keys);
    for (;;) {
      const lines = lastFrame(this.stdout.slice(before));
      if (shows.test(lines.join('\n'))) {
        return lines;
      }
      if (this.child.exitCode !== null) {
        throw new Error(`ended before a picture of ${shows}: ${this.stdout}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async ended(): Promise<Ended> {
    await this.#closed;
    const { exitCode: code, signalCode: signal } = this.child;
    return { stdout: this.stdout, stderr: this.stderr, code, signal };
  }
}

export function start(args: readonly string[], env?: NodeJS.ProcessEnv): Started {
  return new Started(process.execPath, [CLI, ...args], env);
}

/** Runs the command to its end, with `input` on stdin. */
export async function run(args: readonly string[], input = ''): Promise<Ended> {
  const started = start(args);
  started.child.stdin?.end(input);
  return started.ended();
}

/** Runs a line of bash; `$T` in it is the command. */
export async function bash(line: string): Promise<Ended> {
  const started = new Started('bash', ['-c', line], { T: `${process.execPath} ${CLI}` });
  started.child.stdin?.end();
  return started.ended();
}

/** Starts the command on a terminal of its own; what it writes there, stderr too, is `stdout`. */
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

/** The lines of the last whole picture in a terminal's output, without colour. */
function lastFrame(output: string): string[] {
  const begun = output.split('\u001b[?2026h').slice(1);
  const frame =
    begun.findLast((one) => one.includes('\u001b[?2026l'))?.split('\u001b[?2026l')[0] ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
  return frame.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').split(/\r+\n/);
}
