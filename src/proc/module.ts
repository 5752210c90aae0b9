import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { errno, Failure, failureOf, LOAD_IT } from '../failure.js';
import type { Listener } from './listeners.js';
import { type Namespace, whileThere } from './namespace.js';
import { parseStat, type Stat } from './stat.js';
import type { ModuleStatus } from './status.js';

/** Return the paths of the module's files in a namespace. */
export function moduleFiles(namespace: Namespace) {
  return {
    stream: `${namespace.net}/tcpsynq`,
    stat: `${namespace.net}/stat/tcpsynq`,
    listeners: `${namespace.net}/tcpsynq_listeners`,
    status: `${namespace.net}/tcpsynq_status`,
  };
}

/** Return whether the module shows its files in a namespace. */
export function isLoaded(namespace: Namespace): boolean {
  return existsSync(moduleFiles(namespace).stat);
}

/**
 * Return the text of one of the module's files in a namespace. If it is missing, throw a Failure
 * with the command that loads the module.
 */
async function text(namespace: Namespace, path: string): Promise<string> {
  try {
    return await whileThere(namespace, readFile(path, 'utf8'));
  } catch (error) {
    throw errno(error) === 'ENOENT'
      ? new Failure(`the tcpsynq module is not loaded: ${LOAD_IT}`)
      : failureOf(`cannot read ${path}`, error);
  }
}

function understood<T extends object>(parsed: T | string, path: string): T {
  if (typeof parsed === 'string') {
    throw new Failure(`${path}: ${parsed}; do the module and this command belong together?`);
  }
  return parsed;
}

/** Read the counters from /proc/net/stat/tcpsynq. Costs the module O(CPUs). */
export async function readStat(namespace: Namespace): Promise<Stat> {
  const path = moduleFiles(namespace).stat;
  return understood(parseStat(await text(namespace, path)), path);
}

/** Read every listener with its queues. Costs the module O(listeners). */
export async function readListeners(namespace: Namespace): Promise<Listener[]> {
  const { parseListeners } = await import('./listeners.js');
  const path = moduleFiles(namespace).listeners;
  return understood(parseListeners(await text(namespace, path)), path);
}

export async function readStatus(namespace: Namespace): Promise<ModuleStatus> {
  const { parseStatus } = await import('./status.js');
  return parseStatus(await text(namespace, moduleFiles(namespace).status));
}

/** Return the module's parameters with their values; omit unreadable ones. */
export async function readParameters(
  directory = '/sys/module/tcpsynq/parameters',
): Promise<Record<string, string>> {
  const names = await readdir(directory).catch(() => []);
  const pairs = await Promise.all(
    names.sort().map(async (name) => {
      const value = await readFile(`${directory}/${name}`, 'utf8').catch(() => null);
      return value === null ? [] : [[name, value.trim()] as const];
    }),
  );
  return Object.fromEntries(pairs.flat());
}
