import { getSystemErrorMap } from 'node:util';

/** A failed action. The message is one line with the cause and the remedy. Exit status 1. */
export class Failure extends Error {}

/** A command line that makes no sense. Exit status 2. */
export class Usage extends Error {}

/**
 * Describe an error in one line. Any other error than the two above is a bug in this program, whose
 * stack is worth reporting.
 */
export function describe(error: unknown): string {
  if (error instanceof Failure || error instanceof Usage) {
    return error.message;
  }
  return `internal error: ${error}; TCPSYNQ_DEBUG=1 shows where, for a bug report`;
}

/** Return the stack of an error that `describe` calls internal, if TCPSYNQ_DEBUG requests it. */
export function debugStack(error: unknown): string[] {
  const wanted = (process.env.TCPSYNQ_DEBUG ?? '') !== '';
  if (!wanted || !(error instanceof Error) || error instanceof Failure || error instanceof Usage) {
    return [];
  }
  return (error.stack ?? '').split('\n').slice(1);
}

/** Shown if the module is needed, but missing. */
export const LOAD_IT =
  'load it with `modprobe tcpsynq` (`tcpsynq module install` installs it), or from the source tree with `insmod kmod/tcpsynq.ko`';

/** Return the errno name of a failed system call ("ENOENT"), or undefined for any other value. */
export function errno(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return undefined;
}

/**
 * Return the reason of a failed system call: in "EISDIR: illegal operation on a directory, read",
 * the words between the code and the call.
 */
export function inWords(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
}

/** Return the reason of a failed call whose message in Node lacks it, such as "spawn x ENOENT". */
export function reasonOf(error: NodeJS.ErrnoException): string {
  return getSystemErrorMap().get(error.errno ?? 0)?.[1] ?? inWords(error);
}

/** Return a Failure unchanged, and any other error as a Failure: `what` failed, and the reason. */
export function failureOf(what: string, error: unknown): Failure {
  return error instanceof Failure ? error : new Failure(`${what}: ${inWords(error)}`);
}
