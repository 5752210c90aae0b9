import { expect, test } from 'vitest';
import { Findings } from '../../src/report/findings.js';
import { countLine, feed } from '../capture.js';

test('if time goes back, counts continue after the earlier ones at the same rate', () => {
  const counts = (n: number) =>
    Array.from({ length: n }, (_, i) => `${countLine(i + 1, { added: 7 * i })}\n`).join('');
  const findings = new Findings(6);
  feed(counts(100) + counts(3), findings);
  const items = findings.growths.series.items;
  expect(items.slice(-2).map(({ since, time }) => [since, time])).toEqual([
    [101, 102],
    [102, 103],
  ]);
  expect(items.at(-1)?.rates.added).toBe(7);
  expect([findings.first, findings.last]).toEqual([1, 103]);
});
