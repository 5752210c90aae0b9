import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { errno, reasonOf } from '../failure.js';
import { type Host, note } from '../terminal/host.js';

/** Exit statuses of shells for a missing command, and for one that may not be run. */
const [NOT_FOUND, NOT_RUNNABLE, BY_SIGNAL] = [127, 126, 128];

/** Node resets ignored signals in a child, so a shell ignores SIGHUP again. */
const IGNORING_HANGUP = ['sh', '-c', 'trap "" HUP; exec "$@"', 'sh'];

/**
 * Run a command on this process's standard streams, and forward the signals that arrive here.
 * Resolve with its exit status, in the form that shells use.
 *
 * @param stdin allow it to read this process's standard input
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
      // Signals typed at a terminal have reached it already.
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
