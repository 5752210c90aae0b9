import { parseInteger } from '../stream/number.js';

/** One function that the module hooks. */
export interface Hook {
  readonly symbol: string;
  /** ftrace, kprobe, jprobe, tracepoint, or none if it is not attached. */
  readonly via: string;
  /** Calls seen on the whole host; null in a namespace to which the module does not report them. */
  readonly hits: number | null;
  /** Calls that the hook did not see. */
  readonly missed: number;
  /** Features that are lost without it. */
  readonly serves: readonly string[];
}

/** The contents of /proc/net/tcpsynq_status; null for absent lines. */
export interface ModuleStatus {
  readonly version: string | null;
  readonly exact: boolean | null;
  /** Why the count is not exact. */
  readonly why: readonly string[];
  /**
   * Duration of the walk for the starting value, in microseconds, and the half-opens found on the
   * whole host. `found` is null in a namespace to which the module does not report it.
   */
  readonly initial: {
    readonly us: number;
    readonly found: number | null;
  } | null;
  readonly taps: { readonly open: number; readonly max: number } | null;
  readonly hooks: readonly Hook[];
}

const ANSWERS: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['no', false],
]);

/** Parse /proc/net/tcpsynq_status. Skip unknown and unreadable lines. */
export function parseStatus(text: string): ModuleStatus {
  let version: string | null = null;
  let exact: boolean | null = null;
  let initial: ModuleStatus['initial'] = null;
  let taps: ModuleStatus['taps'] = null;
  const why: string[] = [];
  const hooks: Hook[] = [];
  for (const line of text.split('\n')) {
    const [key, ...rest] = line.trim().split(/\s+/);
    const known = (i: number) => parseInteger(rest[i] ?? '') ?? null;
    const number = (i: number) => known(i) ?? 0;
    switch (key) {
      case 'version':
        version = rest.join(' ');
        break;
      case 'exact':
        exact = ANSWERS.get(rest[0] ?? '') ?? null;
        break;
      case 'why':
        why.push(rest.join(' '));
        break;
      case 'initial_walk':
        initial = { us: number(0), found: known(1) };
        break;
      case 'taps':
        taps = { open: number(0), max: number(1) };
        break;
      case 'hook':
        if (rest[0] !== undefined) {
          hooks.push({
            symbol: rest[0],
            via: rest[1] ?? 'none',
            hits: known(2),
            missed: number(3),
            serves: (rest[4] ?? '').split(',').filter((name) => name !== '' && name !== '-'),
          });
        }
        break;
    }
  }
  return { version, exact, why, initial, taps, hooks };
}
