import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { errno, reasonOf } from '../failure.js';
import { type Host, note } from '../terminal/host.js';

/**
 * Exit statuses of shells: a missing command, one that may not be run, and 128 + the signal that
 * ended one.
 */
const [NOT_FOUND, NOT_RUNNABLE, BY_SIGNAL] = [127, 126, 128];

/**
 * Node resets ignored signals in a child, so this shell ignores SIGHUP again before it runs the
 * command.
 */
const IGNORING_HANGUP = ['sh', '-c', 'trap "" HUP; exec "$@"', 'sh'];

/**
 * Run a command on this process's standard streams, and forward the signals that arrive here.
 * Resolve with its exit status, in the form that shells use.
 *
 * @param stdin whether the command may read this process's standard input
 */
export function runCommand(
  host: Host,
  command: readonly string[],
  stdin: boolean,
): Promise<number> {
  const [file = '', ...args] = host.hangupIgnored ? [...IGNORING_HANGUP, ...command] : command;
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: [stdin ? 'inherit' : 'ignore', 'inherit', 'inherit'],
    });
    const release = host.onSignal((signal, typed) => {
      // A signal typed at a terminal has reached the child already.
      if (!typed) {
        child.kill(signal);
      }
    });
    child.on('error', async (error) => {
      if (child.pid === undefined) {
        release();
        await note(host, `cannot run ${file}: ${reasonOf(error)}`);
        resolve(errno(error) === 'ENOENT' ? NOT_FOUND : NOT_RUNNABLE);
      }
    });
    child.on('exit', (code, signal) => {
      release();
      resolve(code ?? BY_SIGNAL + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
