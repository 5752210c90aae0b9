import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutTo, type Grouping, Groups, KEPT, MOST_BESIDE } from '../../src/aggregate/groups.js';

interface Thing {
  readonly key: string;
  readonly side: string;
}

const GROUPING: Grouping<Thing> = {
  by: 'key',
  keys: [{ name: 'key', of: ({ key }) => key }],
  beside: [{ name: 'side', of: ({ side }) => side }],
};

const thing = (key: string, side = '-'): Thing => ({ key, side });

function counted(things: readonly Thing[], capacity?: number) {
  const groups = new Groups(GROUPING, capacity);
  for (const one of things) {
    groups.add(one);
  }
  return groups;
}

describe('groups', () => {
  // Few keys and small capacities, so that keys are evicted and added again.
  const things = fc.array(
    fc.record({ key: fc.constantFrom(...'abcdefgh'), side: fc.constantFrom('x', 'y', 'z') }),
    { maxLength: 300 },
  );

  test('is bounded, and no total is further from the real one than its error', () => {
    fc.assert(
      fc.property(things, fc.integer({ min: 1, max: 9 }), (added, capacity) => {
        const groups = counted(added, capacity);
        groups.turn(1);
        const { all, groups: rows, others, error, left } = groups.standing();
        const truth = new Map<string, number>();
        for (const { key } of added) {
          truth.set(key, (truth.get(key) ?? 0) + 1);
        }
        expect(rows.length).toBeLessThanOrEqual(capacity);
        expect(error).toBeLessThanOrEqual(added.length / (capacity + 1));
        expect(left).toBe(error === 0 ? 0 : null);
        for (const { keys, total, interval } of rows) {
          const real = truth.get(keys[0] ?? '') ?? 0;
          expect(total).toBeLessThanOrEqual(real);
          expect(total + error).toBeGreaterThanOrEqual(real);
          expect(interval).toBe(total);
        }
        const sum = rows.reduce((so, { total }) => so + total, 0);
        expect(all.total).toBe(added.length);
        expect(sum + others.total).toBe(added.length);
        if (truth.size <= capacity) {
          expect([error, others.total, rows.length]).toEqual([0, 0, truth.size]);
        }
      }),
    );
  });

  test('when cut to fewer groups, counts the rest together', () => {
    fc.assert(
      fc.property(things, fc.nat({ max: 10 }), (added, most) => {
        const groups = counted(added);
        groups.turn(2);
        const standing = groups.standing();
        const cut = cutTo(standing, most);
        expect(cut.groups).toEqual(standing.groups.slice(0, most));
        expect(cut.left).toBe(Math.max(0, standing.groups.length - most));
        const sum = cut.groups.reduce((so, { total }) => so + total, 0);
        expect(sum + cut.others.total).toBe(added.length);
        expect(cut.others.rate).toBeCloseTo(cut.others.interval / 2);
      }),
    );
  });

  test('long texts are cut, and counted', () => {
    const long = 'x'.repeat(60_000);
    const groups = counted([thing(`${long}1`, `${long}1`), thing(`${long}2`, `${long}2`)]);
    groups.turn(1);
    const [group, ...others] = groups.standing().groups;
    expect(group).toMatchObject({
      total: 2,
      keys: ['x'.repeat(128)],
      beside: [['x'.repeat(128)]],
    });
    expect(others).toEqual([]);
  });

  test('sorts by the rate, then by the total', () => {
    const groups = counted([...'aaab'].map((key) => thing(key)));
    groups.turn(1);
    groups.add(thing('b'));
    groups.add(thing('c'));
    groups.turn(0.5);
    const { groups: rows, all } = groups.standing();
    expect(rows.map(({ keys, total, rate }) => [keys[0], total, rate])).toEqual([
      ['b', 2, 2],
      ['c', 1, 2],
      ['a', 3, 0],
    ]);
    expect(all).toEqual({ total: 6, interval: 2, rate: 4 });
    groups.turn(null);
    expect(groups.standing().groups[0]).toMatchObject({ keys: ['a'], rate: null });
  });

  test('a standing does not change later', () => {
    const groups = counted([thing('a', 'x')]);
    const before = groups.standing();
    groups.add(thing('a', 'y'));
    expect(before.groups[0]).toMatchObject({ total: 1, beside: [['x']] });
    groups.clear();
    expect(groups.standing()).toMatchObject({ all: { total: 0 }, groups: [] });
  });

  test('keeps each text beside a key once, up to the limit', () => {
    const groups = counted(Array.from({ length: 100 }, (_, i) => thing('a', `s${i % 40}`)));
    expect(groups.standing().groups[0]?.beside[0]).toEqual(
      Array.from({ length: MOST_BESIDE }, (_, i) => `s${i}`),
    );
  });

  test('a flood of keys: keeps no more than the limit, and finds the frequent one', () => {
    const groups = new Groups(GROUPING);
    for (let i = 0; i < 200_000; i++) {
      groups.add(thing(i % 50 === 0 ? 'often' : `key ${i}`));
    }
    groups.turn(1);
    const { groups: rows, error } = groups.standing();
    expect(rows.length).toBeLessThanOrEqual(KEPT);
    expect(rows[0]?.keys).toEqual(['often']);
    expect(rows[0]?.total).toBeGreaterThanOrEqual(4000 - error);
    expect(error).toBeLessThanOrEqual(200_000 / (KEPT + 1));
  });

  test('two texts of a key do not run into each other', () => {
    const both: Grouping<Thing> = {
      by: 'both',
      keys: [...GROUPING.keys, ...GROUPING.beside],
      beside: [],
    };
    const groups = new Groups(both);
    groups.add(thing('ab', 'c'));
    groups.add(thing('a', 'bc'));
    expect(groups.standing().groups).toHaveLength(2);
  });
});
