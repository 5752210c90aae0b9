import { type Ended, type Started, start } from '../command.js';

/** A running `tcpsynq export` that answers over TCP. */
export interface Serving {
  readonly started: Started;
  readonly base: string;
  readonly port: number;
}

/** Start `tcpsynq export` on a free port, and wait until it listens. */
export async function serving(
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Serving> {
  const started = start(['export', '--listen', '127.0.0.1:0', ...args], env);
  const [, base = '', port] = await started.says(/listening on (http:\S+:(\d+))\/metrics/);
  return { started, base, port: Number(port) };
}

export async function stop(
  { started }: Serving,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<Ended> {
  started.child.kill(signal);
  return started.ended();
}
