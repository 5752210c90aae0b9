import { limitSetBy } from '../proc/listeners.js';
import type { Owner } from '../proc/owners.js';
import type { Evidence, Scope } from './evidence.js';
import { enough, fullIn, type Judged } from './rules.js';

/** The change that a report advises. */
export interface Advice {
  /** A sysctl, `listen() backlog`, or null if no setting helps. */
  readonly setting: string | null;
  /** The command for it; null if the change is in the application. */
  readonly command: string | null;
  /** The effect of the change, or an alternative. */
  readonly effect: string;
  /** Changes that will not help. */
  readonly wont: string | null;
}

/** Names that the advice contains. */
export interface Names {
  /**
   * The processes that hold the listening socket, in the order to look at them; [] if not known.
   */
  readonly owners: readonly Owner[];
  /**
   * The prefix that runs a command in the namespace that was watched; '' for this process's own.
   */
  readonly enter: string;
}

/** Maximum number of processes named in a command. */
const MAX_OWNERS = 8;

/** The minimum backlog to advise: net.core.somaxconn's default since Linux 5.4. */
const BACKLOG = 4096;

// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a case for each state, and each returns the whole advice
export function adviceFor({ state, scope }: Judged, evidence: Evidence, names: Names): Advice {
  const sysctl = (name: string, value: number) => ({
    setting: name,
    command: `${names.enter}sysctl -w ${name}=${value}`,
  });
  const nothing = { setting: null, command: null, wont: null };
  const [first] = names.owners;
  const owner = first === undefined ? 'the application' : `${first.name}[${first.pid}]`;
  switch (state) {
    case 'probes':
    case 'idle':
    case 'busy':
      return { ...nothing, effect: 'nothing' };
    case 'unanswered':
      return {
        setting: null,
        command: `${names.enter}nft list ruleset`,
        effect:
          'no setting helps: SYN-ACKs are lost on their way to the clients, or final ACKs before they reach TCP. Look at the packet filter and conntrack of this host, at rp_filter, at the route back; tcpsynq drops names what this host drops',
        wont: 'cookies or a larger queue: no handshake would complete',
      };
    case 'stuck': {
      const wont =
        'a larger backlog or somaxconn: more connections would wait, and none would be served sooner';
      if (first?.state === 'T') {
        return {
          setting: null,
          command: `kill -CONT ${first.pid}`,
          effect: `${owner} is stopped: continue it`,
          wont,
        };
      }
      const pids = names.owners.slice(0, MAX_OWNERS).map(({ pid }) => pid);
      return {
        setting: null,
        command: pids.length === 0 ? null : `ps -o pid,stat,wchan:20,args -p ${pids.join(',')}`,
        effect: `no setting helps: find out why ${owner} calls accept() too rarely${first === undefined ? '' : `, for example with strace -f -p ${first.pid}`}`,
        wont,
      };
    }
    case 'flood': {
      const wont = `cookies do not stop the SYNs: each still costs CPU and bandwidth, so filter them upstream. A larger queue does not help${unless(scope)}`;
      const cookies = evidence.settings.tcp_syncookies;
      if (cookies !== null && cookies > 0) {
        return {
          ...nothing,
          effect: `nothing here: tcp_syncookies=${cookies} lets real clients connect while the SYN queue is full`,
          wont,
        };
      }
      const condition = cookies === null ? 'if it is not set: ' : '';
      return {
        ...sysctl('net.ipv4.tcp_syncookies', 1),
        effect: `${condition}real clients then connect while the SYN queue is full`,
        wont,
      };
    }
    case 'surge': {
      const { listener } = scope;
      const setBy = listener === null ? null : limitSetBy(listener, evidence.settings);
      const backlog = Math.max(BACKLOG, powerOfTwo(2 * (listener?.backlog ?? 0)));
      const wont = 'an application that accepts too slowly, or a surge that keeps growing';
      if (setBy?.startsWith('tcp_max_syn_backlog')) {
        // Three quarters of tcp_max_syn_backlog must reach the backlog.
        const enough = powerOfTwo(Math.ceil(((listener?.backlog ?? 0) * 4) / 3) + 4);
        return {
          ...sysctl('net.ipv4.tcp_max_syn_backlog', enough),
          effect: `the SYN queue then holds the ${listener?.backlog} of its backlog; at once`,
          wont,
        };
      }
      if (setBy?.startsWith('somaxconn')) {
        return {
          ...sysctl('net.core.somaxconn', backlog),
          effect: `then restart ${owner}: listen() takes the limit, and must ask for as large a backlog`,
          wont,
        };
      }
      const most = evidence.settings.somaxconn;
      const least = most === null ? backlog : Math.min(backlog, most);
      return {
        setting: 'listen() backlog',
        command: null,
        effect: `restart ${owner} if somaxconn was raised since it started; else give its listen() a backlog of ${least} first${most === null ? '' : ` (net.core.somaxconn=${most} allows ${most})`}`,
        wont,
      };
    }
    default:
      return state satisfies never;
  }
}

/** Return the queue size that would be enough, in words. */
function unless(scope: Scope): string {
  const least = Math.ceil(enough(scope));
  // Name no size if the queue has already held that many, and still was not enough.
  return least <= (scope.queue?.peak ?? 0)
    ? ''
    : ` unless it holds over ${least} half-opens, and a faster flood fills that too`;
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, least)));
}

/** Whether the kernel prints "Possible SYN flooding" for a listener. */
export interface KernelMessage {
  readonly printed: boolean;
  /**
   * Whether the message is still to come: with the next SYN, or when the queue fills at this rate.
   */
  readonly will: boolean;
  readonly why: string;
}

/**
 * Return the message of tcp_syn_flood_action() (net/ipv4/tcp_input.c, Linux 6.1). The kernel prints
 * it once per listener, with the first SYN that finds more half-opens queued than the backlog, but
 * not with tcp_syncookies=2. The three-quarters rule of tcp_max_syn_backlog refuses silently.
 * Return null if the listener is not known.
 */
export function kernelMessage({ scope }: Judged, evidence: Evidence): KernelMessage | null {
  const { listener } = scope;
  if (listener === null) {
    return null;
  }
  const { backlog, qlen } = listener;
  const { tcp_syncookies: cookies } = evidence.settings;
  if (listener.warned) {
    const when = scope.warned_before ? 'before this watch' : 'during this watch';
    return {
      printed: true,
      will: false,
      why: `printed ${when}, when over ${backlog} half-opens were queued; once for a listener, so it will not come again`,
    };
  }
  const notPrinted = (why: string, will = false) => ({ printed: false, will, why });
  if (cookies === 2) {
    return notPrinted(
      'not printed, and never with tcp_syncookies=2, which answers every SYN with a cookie',
    );
  }
  const setBy = limitSetBy(listener, evidence.settings);
  if (setBy?.startsWith('tcp_max_syn_backlog')) {
    return notPrinted(
      `not printed, and not by a flood: ${setBy} refuses SYNs silently from ${listener.holds} half-opens on, and the message takes more than ${backlog}`,
    );
  }
  if (qlen > backlog) {
    return notPrinted('not printed yet: it comes with the next SYN', true);
  }
  const left = fullIn(scope);
  const when = left === null ? '' : `, in about ${Math.max(1, Math.round(left))} s at this rate`;
  return notPrinted(
    `not printed: it comes with the first SYN that finds over ${backlog} half-opens queued${when}`,
    left !== null,
  );
}
