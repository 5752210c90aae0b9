// A copy of the module in which symbols are misspelt, as if the kernel lacked them.

import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { moduleFile, sh, trySh } from './guest.ts';

/** Return a name of the same length that no kernel has. */
export const misspelt = (symbol: string): string => symbol.replace(/.$/, '~');

export interface Insmod {
  status: number;
  output: string;
}

/** Load a copy of the module in which other names of the same length replace some names. */
export function loadWith(names: Record<string, string>): Insmod {
  let text = readFileSync(moduleFile, 'latin1');
  for (const [symbol, other] of Object.entries(names)) {
    expect(other.length).toBe(symbol.length);
    const whole = new RegExp(`(?<![\\w:])${symbol}\\0`, 'g');
    expect(text).toMatch(whole);
    text = text.replace(whole, `${other}\0`);
  }
  writeFileSync('/tmp/lacking.ko', text, 'latin1');
  return trySh('insmod /tmp/lacking.ko');
}

export const loadWithout = (...symbols: string[]): Insmod =>
  loadWith(Object.fromEntries(symbols.map((symbol) => [symbol, misspelt(symbol)])));

/** Return the functions that ftrace has something attached to. */
export const hooked = (): string => sh('cat /sys/kernel/tracing/enabled_functions');
