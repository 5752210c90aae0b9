// cli.ts imports this first. If SIGUSR1 arrives without a listener, Node opens its inspector to
// every local user; SIGUSR2 would end the process.
const ignore = () => {};
process.on('SIGUSR1', ignore);
process.on('SIGUSR2', ignore);

const { TCPSYNQ_HANGUP, TCPSYNQ_STDOUT } = process.env;
delete process.env.TCPSYNQ_HANGUP;
delete process.env.TCPSYNQ_STDOUT;

/**
 * Whether SIGHUP was ignored when the command started, as under nohup. start.sh sets the variable.
 */
export const hangupIgnored = TCPSYNQ_HANGUP === 'ignored';

/** Whether stdout was closed when the command started. start.sh sets the variable. */
export const stdoutClosed = TCPSYNQ_STDOUT === 'closed';

if (hangupIgnored) {
  process.on('SIGHUP', ignore);
}

/** Signals that end a command gracefully; a second one ends the process at once. */
export const ENDING: readonly NodeJS.Signals[] = [
  'SIGINT',
  'SIGTERM',
  'SIGQUIT',
  'SIGALRM',
  ...(hangupIgnored ? [] : (['SIGHUP'] as const)),
];

/** Signals that request a normal end: the exit status is then the same as without a signal. */
export const STOPPING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
