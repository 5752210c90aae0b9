import { expect, test } from 'vitest';
import { type Close, CloseReader } from '../../src/aggregate/close.js';
import type { Item } from '../../src/stream/reader.js';
import type { Row } from '../../src/stream/row.js';
import { feed } from '../capture.js';

test('by the published columns; by others, in another order', () => {
  const reader = new CloseReader();
  const told: Close[] = [];
  const take = (item: Item) => told.push(reader.read(item as Row));
  feed(
    'X 2.5 10.0.0.1:80 10.0.0.2:7 FIN_WAIT2 fin -\n' +
      '# X cause why remote time local\nX fin x [fd00::2]:7 3.5 [fd00::1]:80\n',
    { begin() {}, take },
  );
  expect(told).toEqual([
    {
      time: 2.5,
      local: '10.0.0.1:80',
      remote: '10.0.0.2:7',
      state: 'FIN_WAIT2',
      cause: 'fin',
      stack: null,
    },
    {
      time: 3.5,
      local: '[fd00::1]:80',
      remote: '[fd00::2]:7',
      state: null,
      cause: 'fin',
      stack: null,
    },
  ]);
});
