/** Something could not be done. The message is the one line shown: what failed, and what to do. Exit status 1. */
export class Failure extends Error {}

/** The command line asks for something that makes no sense. Exit status 2. */
export class Usage extends Error {}

/** Shown wherever the module is needed and not there. */
export const LOAD_IT =
  'load it with `modprobe tcpsynq` (`tcpsynq module install` installs it), or from the source tree with `insmod kmod/tcpsynq.ko`';

/** The errno name of a failed system call ("ENOENT"), or undefined for any other value. */
export function errno(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  return undefined;
}

/**
 * A failed system call in a few words: of "EISDIR: illegal operation on a directory, read" what
 * stands between the code and the call.
 */
export function inWords(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
}
