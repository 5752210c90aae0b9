import { InvalidArgumentError } from 'commander';
import type { Rotation } from './capture/names.js';
import { isIP, parseEnd, parseNetwork } from './stream/endpoints.js';
import { CAUSES, FILTER_RANGES, OUTCOMES } from './stream/schema.js';
import { parseSrttUnit, type SrttUnit } from './stream/srtt.js';

// Parsers for the arguments of options. Each throws commander's InvalidArgumentError, whose text is
// shown after the option and the bad value.

const SMALLEST_PART = 4096;
const SIZES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
/** Length of each unit, in ms. */
const TIMES: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** The maximum delay of setTimeout, in ms. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Parse a duration such as 500ms, 1.5s, 2m, 1h, 7d to ms; return NaN for other text. */
function milliseconds(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Math.round(Number(digits) * (TIMES[unit ?? ''] ?? Number.NaN));
}

/** Parse the time between two readings or pictures, in ms. */
export function parseInterval(text: string): number {
  const value = milliseconds(text);
  const { min, max } = FILTER_RANGES.interval_ms;
  if (!(value >= min && value <= max)) {
    throw new InvalidArgumentError('It takes a duration from 10ms to 60m, such as 500ms or 1s.');
  }
  return value;
}

export function parsePositive(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('It takes a whole number from 1 on.');
  }
  return value;
}

/** Parse a duration, in ms. */
export function parseSpan(text: string): number {
  const value = milliseconds(text);
  if (!(value >= 100 && value <= LONGEST_WAIT)) {
    throw new InvalidArgumentError('It takes a time from 0.1s to 24d, such as 30s, 5m or 1h.');
  }
  return value;
}

/** Parse the limit of a part: a size such as 100M (1M is 1024 KiB), or a duration. */
export function parseRotation(text: string): Rotation {
  const [, digits, unit] = /^(\d+)(K|M|G)$/.exec(text) ?? [];
  if (digits === undefined) {
    try {
      return { by: 'time', ms: parseSpan(text) };
    } catch {
      throw new InvalidArgumentError(
        'It takes a size such as 500K, 100M or 2G, or a time such as 30s, 10m, 1h or 1d (M is MiB, m minutes).',
      );
    }
  }
  const bytes = Number(digits) * (SIZES[unit ?? ''] ?? Number.NaN);
  if (!(bytes >= SMALLEST_PART && Number.isSafeInteger(bytes))) {
    throw new InvalidArgumentError('A part has at least 4K.');
  }
  return { by: 'size', bytes };
}

function parseWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/**
 * Parse a value of the module's filter. The module judges its words; a space is refused here, since
 * it would end the value.
 */
export function parseWord(text: string): string {
  if (!/^[\w.,:/-]+$/.test(text)) {
    throw new InvalidArgumentError('It takes letters, digits and .,:/- only.');
  }
  return text;
}

/** Parse a factor such as 1, 0.5 or 10x. */
export function parseFactor(text: string): number {
  const value = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1] ?? Number.NaN);
  if (!(value >= 0.001 && value <= 1e6)) {
    throw new InvalidArgumentError('It takes a factor from 0.001 to 1000000, such as 1 or 10.');
  }
  return value;
}

export const parsePort = parseWithin(1, 65_535);

export const parseMark = parseWithin(1, 2 ** 32 - 1);

/** Check a network, in the form of the module's filter; return its text. */
export function parseAddr(text: string): string {
  if (parseNetwork(text) === null) {
    throw new InvalidArgumentError(
      'It takes an IPv4 or IPv6 network such as 198.51.100.0/24, 2001:db8::/64, or one address.',
    );
  }
  return text;
}

/** Return a parser for some of these words, separated by commas. */
function parseSome<Word extends string>(words: readonly Word[]): (text: string) => readonly Word[] {
  return (text) =>
    text.split(',').map((part) => {
      const word = words.find((one) => one === part);
      if (word === undefined) {
        throw new InvalidArgumentError(`It takes some of ${words.join(',')}.`);
      }
      return word;
    });
}

export const parseOutcomes = parseSome(OUTCOMES);

export const parseCauses = parseSome(CAUSES);

/**
 * Parse the two endpoints of a connection, and append the pair to the earlier pairs. They may be
 * separated by any text that cannot belong to an endpoint.
 */
export function parseConnection(
  text: string,
  before: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const [one, other, ...more] = text.match(/[\da-f.:[\]]+/gi) ?? [];
  if (
    one === undefined ||
    other === undefined ||
    more.length > 0 ||
    parseEnd(one) === null ||
    parseEnd(other) === null
  ) {
    throw new InvalidArgumentError(
      'It takes both ends, such as "10.0.0.1:5001 10.0.0.2:41234" or "[fd00::1]:443 [fd00::2]:1024".',
    );
  }
  return [...before, [one, other]];
}

export function parseUnit(text: string): SrttUnit {
  const unit = parseSrttUnit(text);
  if (unit === null) {
    throw new InvalidArgumentError('It takes us, ms, jiffies, or jiffies:HZ such as jiffies:250.');
  }
  return unit;
}

/** Parse an address and a port to listen on; 0 means any free port. */
export function parsePlace(text: string): { host: string; port: number } {
  const [, v6, name, digits] = /^(?:\[([\da-f.:]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = v6 ?? name ?? '';
  const port = Number(digits);
  if ((v6 === undefined ? host === '' : isIP(host) !== 6) || !(port <= 65_535)) {
    throw new InvalidArgumentError(
      'It takes HOST:PORT, such as 127.0.0.1:9100, [::1]:9100, or 0.0.0.0:9100 for every address.',
    );
  }
  return { host, port };
}

/** Parse the maximum number of network namespaces, or of addresses, that get their own series. */
export const parseMost = parseWithin(1, 10_000);

/**
 * Parse the number of lines in a picture: more than 16 could not be distinguished by their colours.
 */
export const parseCurves = parseWithin(1, 16);
