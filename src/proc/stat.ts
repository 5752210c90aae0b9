import { type CounterName, type Counters, isCounterName } from '../stream/counters.js';
import { parseHex } from '../stream/number.js';

/** Yield the words of each line that is not empty. */
export function* rowsOf(text: string): Generator<string[], void, void> {
  for (let at = 0, end = 0; at < text.length; at = end + 1) {
    const newline = text.indexOf('\n', at);
    end = newline === -1 ? text.length : newline;
    const line = text.slice(at, end).trim();
    if (line !== '') {
      yield line.split(/\s+/);
    }
  }
}

/** The contents of /proc/net/stat/tcpsynq. */
export interface Stat {
  /** The namespace's figures: half_open as printed, the others added up over the CPUs. */
  readonly figures: Counters & { readonly half_open: number };
  /** Each CPU's own share, in the order of the rows; without half_open, which exists only once. */
  readonly cpus: readonly Counters[];
}

/**
 * Add a figure of one CPU to the CPU's own figures and to the total. Do not add up half_open, which
 * is the same in every row.
 */
function addFigure(total: Counters, own: Counters, name: CounterName, value: number): void {
  if (name === 'half_open') {
    total.half_open ??= value;
  } else {
    own[name] = value;
    total[name] = (total[name] ?? 0) + value;
  }
}

/**
 * Parse /proc/net/stat/tcpsynq: a row of names, then a row per possible CPU, hexadecimal. Return
 * the reason as a string if it is unreadable. Skip unknown names.
 */
export function parseStat(text: string): Stat | string {
  const [names, ...rows] = rowsOf(text);
  if (names === undefined || rows.length === 0) {
    return 'no rows';
  }
  const total: Counters = {};
  const cpus: Counters[] = [];
  for (const [cpu, row] of rows.entries()) {
    const own: Counters = {};
    for (const [i, name] of names.entries()) {
      if (!isCounterName(name)) {
        continue;
      }
      const value = parseHex(row[i] ?? '');
      if (value === undefined) {
        return `row ${cpu + 1}: ${name} is not a hexadecimal number below 2^53`;
      }
      addFigure(total, own, name, value);
    }
    cpus.push(own);
  }
  const { half_open } = total;
  if (half_open === undefined) {
    return 'no column half_open';
  }
  return { figures: { ...total, half_open }, cpus };
}
