import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Sources } from '../../src/aggregate/sources.js';
import { HeavyHitters } from '../../src/sketch/heavy-hitters.js';
import { HyperLogLog } from '../../src/sketch/hyperloglog.js';

/** Six standard errors: hashes are random, and one estimate in 300 is off by more than three. */
const FAR = 6 * HyperLogLog.ERROR;

/** Mix a number like src/sketch/hash.ts. */
function mix(value: number): number {
  let bits = value ^ 0x9e3779b9;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Invert mix(). */
function unmix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x7ed1b41d);
  bits = Math.imul(bits ^ (bits >>> 13) ^ (bits >>> 26), 0xa5cb9243);
  return (bits ^ (bits >>> 16) ^ 0x9e3779b9) >>> 0;
}

describe('heavy hitters', () => {
  test('no count is further from the real one than its error', () => {
    // Few keys and small capacities, so that keys are evicted and added again.
    const half = fc.integer({ min: 0, max: 3 });
    const keys = fc.array(fc.tuple(half, half), { maxLength: 400 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), keys, (capacity, added) => {
        const heavy = new HeavyHitters(capacity);
        const truth = new Map<string, number>();
        for (const [high, low] of added) {
          heavy.add(high, low);
          truth.set(`${high} ${low}`, (truth.get(`${high} ${low}`) ?? 0) + 1);
        }
        expect(heavy.total).toBe(added.length);
        expect(heavy.error).toBeLessThanOrEqual(Math.floor(added.length / (capacity + 1)));
        expect(heavy.size).toBeLessThanOrEqual(capacity);
        const top = heavy.top(capacity).map(({ high, low }) => `${high} ${low}`);
        expect(top.length).toBe(heavy.size);
        for (const [key, times] of truth) {
          const hitter = [...heavy.hitters()].find(({ high, low }) => key === `${high} ${low}`);
          const { least, most } = hitter ?? { least: 0, most: heavy.error };
          expect(least).toBeLessThanOrEqual(times);
          expect(most).toBeGreaterThanOrEqual(times);
          expect(most - least).toBe(heavy.error);
          expect(top.includes(key)).toBe(least > 0);
          if (times > added.length / (capacity + 1)) {
            expect(top).toContain(key);
          }
        }
      }),
    );
  });

  test('exact while there are no more keys than it keeps', () => {
    const heavy = new HeavyHitters(3);
    for (const low of [7, 8, 8, 0xffffffff, 8, 0xffffffff]) {
      heavy.add(0xffffffff, low);
    }
    expect(heavy.error).toBe(0);
    expect(heavy.top(2)).toEqual([
      { high: 0xffffffff, low: 8, least: 3, most: 3 },
      { high: 0xffffffff, low: 0xffffffff, least: 2, most: 2 },
    ]);
  });

  test('a value is kept as long as its counter', () => {
    const heavy = new HeavyHitters<{ seen: number }>(2);
    const add = (low: number) => {
      const value = heavy.add(0, low, () => ({ seen: 0 }));
      if (value !== undefined) {
        value.seen += 1;
      }
      return value?.seen;
    };
    expect([1, 1, 2, 1].map(add)).toEqual([1, 2, 1, 3]);
    // Key 3 takes one off both counters: this evicts key 2, which then restarts at 1.
    expect([3, 1, 2].map(add)).toEqual([undefined, 4, 1]);
    expect(heavy.top(2)).toMatchObject([
      { low: 1, least: 3, value: { seen: 4 } },
      { low: 2, least: 1, value: { seen: 1 } },
    ]);
    heavy.clear();
    expect(add(1)).toBe(1);
  });

  test('finds one key among a million that occur once', () => {
    const heavy = new HeavyHitters(100);
    for (let i = 0; i < 1_000_000; i++) {
      heavy.add(1, i);
      if (i % 20 === 0) {
        heavy.add(0, 0);
      }
    }
    const [first] = heavy.top(1);
    expect(first).toMatchObject({ high: 0, low: 0 });
    expect(first?.least).toBeLessThanOrEqual(50_000);
    expect(first?.most).toBeGreaterThanOrEqual(50_000);
    expect(heavy.error).toBeLessThanOrEqual(1_050_000 / 101);
    heavy.clear();
    expect([heavy.total, heavy.error, heavy.size]).toEqual([0, 0, 0]);
  });
});

describe('distinct', () => {
  test.each([0, 1, 10, 1000, 20_000, 65_536, 500_000])('counts %d keys', (keys) => {
    for (const high of [0, 0x20010db8, 0xffffffff]) {
      const distinct = new HyperLogLog();
      for (let i = 0; i < keys; i++) {
        distinct.add(high, i);
        distinct.add(high, i);
      }
      // Two keys may share a register, even if there are few.
      expect(Math.abs(distinct.estimate - keys)).toBeLessThanOrEqual(1 + FAR * keys);
    }
  });

  test('counts keys that were chosen for one register of an unseeded hash', () => {
    const distinct = new HyperLogLog();
    const high = 0xffffffff;
    for (let hash = 0; hash < 10_000; hash++) {
      distinct.add(high, (unmix(hash) ^ mix(high)) >>> 0);
    }
    expect(Math.abs(distinct.estimate - 10_000)).toBeLessThanOrEqual(FAR * 10_000);
  });
});

describe('sources', () => {
  function networkOf(end: string) {
    const sources = new Sources();
    sources.add(end);
    return sources.top(1)[0]?.key;
  }

  test.each([
    ['198.18.3.77:1024', '198.18.3.0/24'],
    ['1.2.3.4:5', '1.2.3.0/24'],
    ['[2001:db8:5:7:1:2:3:4]:80', '2001:db8:5:7::/64'],
    ['[2001:db8::1]:80', '2001:db8::/64'],
    ['[2001:db8:0:1::]:80', '2001:db8:0:1::/64'],
    ['[2001:db8:1::9:0:0:1]:80', '2001:db8:1::/64'],
    ['[::1]:80', '::/64'],
    ['[fe80::5efe:10.0.0.1]:80', 'fe80::/64'],
    ['[2001::1:0:5efe:10.0.0.1]:80', '2001:0:0:1::/64'],
    ['[2001:db8::1:2:3:4:5]:80', '2001:db8:0:1::/64'],
    ['nonsense', '?'],
  ])('%s is counted under %s', (end, network) => {
    expect(networkOf(end)).toBe(network);
  });

  test('the network of an IPv6 address is what a parser of addresses makes of it', () => {
    const canonical = (address: string) => new URL(`http://[${address}]`).hostname.slice(1, -1);
    const group = fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const hex = groups.map((value) => value.toString(16));
        const network = [...hex.slice(0, 4), 0, 0, 0, 0].join(':');
        const end = `[${canonical(hex.join(':'))}]:443`;
        expect(networkOf(end)).toBe(`${canonical(network)}/64`);
      }),
    );
  });

  test('exact while they are few, within the stated error when they are many', () => {
    const sources = new Sources();
    for (let i = 0; i < 1000; i++) {
      sources.add(`10.0.${i & 255}.1:${1024 + i}`);
    }
    expect(sources.exact).toBe(true);
    expect(sources.networks).toBe(256);
    expect(sources.top(1)).toEqual([{ key: '10.0.0.0/24', least: 4, most: 4 }]);
    for (let i = 0; i < 65_536; i++) {
      sources.add(`11.${i >> 8}.${i & 255}.1:1024`);
    }
    expect(sources.exact).toBe(false);
    expect(Math.abs(sources.networks - 65_792)).toBeLessThan(FAR * 65_792);
    expect(sources.total).toBe(66_536);
    expect(sources.error).toBeLessThanOrEqual(sources.total / 1025);
  });
});
