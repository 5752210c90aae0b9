import { expect, test } from 'vitest';
import { LossAccounting } from '../../src/aggregate/loss-accounting.js';
import type { Loss } from '../../src/stream/parser.js';

function loss(of: string, lost: number, lost_total: number): Loss {
  return { kind: 'L', time: 0, of, lost, lost_total, produced_total: 1000 };
}

test('adds up what was recorded and lost, kind for kind, in the order of the format', () => {
  const ledger = new LossAccounting();
  for (const kind of ['S', 'C', 'S', 'X', 'S']) {
    ledger.recorded(kind);
  }
  ledger.lost(loss('S', 5, 5));
  ledger.lost(loss('S', 2, 7));
  ledger.lost(loss('D', 9, 9));
  expect(ledger.accounts()).toEqual([
    { kind: 'C', recorded: 1, lost: 0 },
    { kind: 'S', recorded: 3, lost: 7 },
    { kind: 'D', recorded: 0, lost: 9 },
    { kind: 'X', recorded: 1, lost: 0 },
  ]);
  expect(ledger.of('R')).toEqual({ kind: 'R', recorded: 0, lost: 0 });
});

test('counts losses of unknown kinds together', () => {
  const ledger = new LossAccounting();
  for (const of of ['', 'SA', 'Z', 'constructor']) {
    ledger.lost(loss(of, 1, 1));
  }
  expect(ledger.accounts()).toEqual([{ kind: '?', recorded: 0, lost: 4 }]);
});
