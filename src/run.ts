import { CommanderError } from 'commander';
import { Usage } from './failure.js';
import { type Host, note } from './host.js';
import { makeProgram, spelledOut } from './program.js';

export const [OK, FAILED, WRONG_USAGE] = [0, 1, 2];

/**
 * Run one command line, without the words that start Node, and return its exit status once all of
 * its output is written. `restore` is called before an error is reported.
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

/** Report an error in one line, and return the exit status for it. */
export function report(error: unknown, host: Host, restore: () => void): number {
  if (error instanceof CommanderError) {
    // commander has written its message. --help and --version end this way too.
    return error.exitCode === 0 ? OK : WRONG_USAGE;
  }
  restore();
  void note(host, error instanceof Error ? error.message : String(error));
  return error instanceof Usage ? WRONG_USAGE : FAILED;
}
