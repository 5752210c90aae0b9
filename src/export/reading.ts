import { describe, Failure, LOAD_IT } from '../failure.js';
import { judgeDrift } from '../proc/audit.js';
import type { Listener } from '../proc/listeners.js';
import { isLoaded, readListeners, readStat, readStatus } from '../proc/module.js';
import type { Namespace } from '../proc/namespace.js';
import { findNamespaces } from '../proc/namespaces.js';
import { readProcFigures } from '../proc/sockets.js';
import type { ModuleStatus } from '../proc/status.js';
import type { LiveInput } from '../source/input.js';
import { NOT_IN_PROC } from '../source/source.js';
import type { Counters } from '../stream/counters.js';

/** The reading of one network namespace. */
export interface NetnsReading {
  /** Its inode, or "-" without permission. */
  readonly netns: string;
  readonly figures: Counters & { readonly half_open: number };
  /** Null if not known. */
  readonly listeners: readonly Listener[] | null;
  /**
   * AuditVerdict.surplus of the count over the sum of the SYN queues; null if these are not known.
   */
  readonly drift: number | null;
}

/** One reading of the host. */
export interface HostReading {
  readonly source: 'module' | 'proc';
  /** False if the host could not be read: `namespaces` is then empty. */
  readonly up: boolean;
  readonly status: ModuleStatus | null;
  readonly namespaces: readonly NetnsReading[];
  /**
   * The number of namespaces without a reading, and `hidden` as in Namespaces; null if only one
   * namespace was requested.
   */
  readonly others: { readonly leftOut: number; readonly hidden: number } | null;
}

/** Options of a reading. */
export interface ReadingOptions {
  /**
   * `auto` reads the module if it is loaded; once the module was seen, `auto` reads only the
   * module.
   */
  readonly input: LiveInput;
  readonly namespace: Namespace;
  /** Maximum number of namespaces to read, including `namespace`; null to read only that one. */
  readonly most: number | null;
  readonly proc?: string;
}

type Source = HostReading['source'];

/** Return the reading of an unreadable host. */
export function downReading(source: Source): HostReading {
  return { source, up: false, status: null, namespaces: [], others: null };
}

/**
 * Maximum number of namespaces read to find those with the most half-opens: an attacker may make
 * many.
 */
const MOST_LOOKED_AT = 4096;
/** Maximum time for that without the module, in ms: each namespace then takes milliseconds. */
const MAX_LOOK_MS = 2000;

/**
 * Reads the host repeatedly. A reading costs as much as the files of docs/format.md that it reads:
 * O(CPUs + listeners) per namespace. With `most` it costs O(processes) more, and without the module
 * O(sockets).
 */
export class HostReader {
  #seen: Source | null = null;
  #trouble: string | null = null;

  /**
   * @param tell receives a line, once each, on a source other than the module, a failure, and a
   *   recovery
   */
  constructor(
    private readonly wanted: ReadingOptions,
    private readonly tell: (text: string) => void,
  ) {}

  /** Read everything once. Never reject: after a failure the reading is not `up`. */
  async read(): Promise<HostReading> {
    const source = this.#choose();
    try {
      const reading = await this.#readFrom(source);
      if (this.#trouble !== null) {
        this.#trouble = null;
        this.tell('the figures can be read again');
      }
      return reading;
    } catch (error) {
      const trouble = describe(error);
      if (this.#trouble !== trouble) {
        this.#trouble = trouble;
        this.tell(trouble);
      }
      return downReading(source);
    }
  }

  /**
   * Choose the source. Keep the module once it was seen: during a reload, /proc would give other
   * figures at a higher cost.
   */
  #choose(): Source {
    const { input, namespace } = this.wanted;
    const before = this.#seen;
    if (input !== 'auto') {
      this.#seen = input;
    } else if (before !== 'module') {
      this.#seen = isLoaded(namespace) ? 'module' : 'proc';
    }
    const now = this.#seen as Source;
    if (now === 'proc' && before === null) {
      const why = input === 'proc' ? '' : `the tcpsynq module is not loaded (${LOAD_IT}): `;
      const from = `${namespace.net}/{tcp,tcp6,netstat}`;
      this.tell(`${why}reading ${from}; not known there: ${NOT_IN_PROC.join(', ')}`);
    } else if (now === 'module' && before === 'proc') {
      this.tell('the module has been loaded: reading it from now on');
    }
    return now;
  }

  async #readFrom(source: Source): Promise<HostReading> {
    const { namespace, most, proc } = this.wanted;
    const figures = await figuresOf(namespace, source);
    const status = source === 'module' ? await readStatus(namespace) : null;
    const namespaces = [await lookCloser({ namespace, figures }, source)];
    if (most === null) {
      return { source, up: true, status, namespaces, others: null };
    }
    const { found, hidden } = await findNamespaces(proc);
    const rest = found.filter(({ inode }) => inode !== namespace.inode);
    const looked = await lookAt(rest.slice(0, MOST_LOOKED_AT), source);
    for (const one of looked.slice(0, most - 1)) {
      const read = await orNull(lookCloser(one, source));
      if (read !== null) {
        namespaces.push(read);
      }
    }
    const others = { leftOut: rest.length + 1 - namespaces.length, hidden };
    return { source, up: true, status, namespaces, others };
  }
}

interface Looked {
  readonly namespace: Namespace;
  readonly figures: NetnsReading['figures'];
}

function figuresOf(namespace: Namespace, source: Source): Promise<NetnsReading['figures']> {
  return source === 'proc'
    ? readProcFigures(namespace)
    : readStat(namespace).then(({ figures }) => figures);
}

/** Return the figures of the namespaces that still exist, those with the most half-opens first. */
async function lookAt(namespaces: readonly Namespace[], source: Source): Promise<Looked[]> {
  const looked: Looked[] = [];
  const end = source === 'proc' ? performance.now() + MAX_LOOK_MS : Number.POSITIVE_INFINITY;
  for (const namespace of namespaces) {
    if (performance.now() > end) {
      break;
    }
    const figures = await orNull(figuresOf(namespace, source));
    if (figures !== null) {
      looked.push({ namespace, figures });
    }
  }
  return looked.sort(
    (a, b) =>
      b.figures.half_open - a.figures.half_open ||
      Number(a.namespace.inode) - Number(b.namespace.inode),
  );
}

/** Read all of one namespace. Read its figures again after its queues, to judge the drift. */
async function lookCloser({ namespace, figures }: Looked, source: Source): Promise<NetnsReading> {
  const netns = namespace.inode ?? '-';
  if (source === 'proc') {
    return { netns, figures, listeners: null, drift: null };
  }
  const listeners = await readListeners(namespace);
  const after = await figuresOf(namespace, source);
  const queued = listeners.reduce((sum, { qlen }) => sum + qlen, 0);
  const { surplus } = judgeDrift({ before: figures, other: queued, after });
  return { netns, figures: after, listeners, drift: surplus };
}

/** Return a reading of a namespace; null if it is unreadable, because its process has ended. */
function orNull<T>(reading: Promise<T>): Promise<T | null> {
  return reading.catch((error) => {
    if (!(error instanceof Failure)) {
      throw error;
    }
    return null;
  });
}
