import { CommanderError } from 'commander';
import { debugStack, describe, Usage } from './failure.js';
import { makeProgram, spelledOut } from './program.js';
import { type Host, note } from './terminal/host.js';

export const [OK, FAILED, WRONG_USAGE] = [0, 1, 2];

/**
 * Run one command line, without the words that start Node, and return its exit status after all
 * output is written. Call `restore` before reporting an error.
 */
export async function run(
  args: readonly string[],
  host: Host,
  version: string,
  restore: () => void = () => {},
): Promise<number> {
  const program = makeProgram(host, version);
  try {
    await program.parseAsync(spelledOut(args), { from: 'user' });
    await host.out.flush();
    return host.status;
  } catch (error) {
    const code = report(error, host, restore);
    return host.out.flush().then(
      () => code,
      (unwritten) => (code === OK ? report(unwritten, host, restore) : code),
    );
  }
}

/**
 * Report an error in one line; for a bug, add the stack if TCPSYNQ_DEBUG is set. Return the exit
 * status.
 */
export function report(error: unknown, host: Host, restore: () => void): number {
  if (error instanceof CommanderError) {
    // commander has written its message. --help and --version also end like this.
    return error.exitCode === 0 ? OK : WRONG_USAGE;
  }
  restore();
  for (const line of [describe(error), ...debugStack(error)]) {
    void note(host, line);
  }
  return error instanceof Usage ? WRONG_USAGE : FAILED;
}
