import { expect, test } from 'vitest';
import { DropReader } from '../../src/aggregate/drop.js';
import type { Item } from '../../src/stream/reader.js';
import type { Row } from '../../src/stream/row.js';
import { feed } from '../capture.js';

/** Return the drops and problems that a DropReader finds in a text. */
function read(text: string) {
  const reader = new DropReader();
  const told: unknown[] = [];
  const take = (item: Item) =>
    told.push(item.kind === '!' ? item.reason : reader.read(item as Row));
  feed(text, { begin() {}, take });
  return told;
}

const DROP =
  'D 1.5 tcp_v4_rcv+0x1f3 NO_SOCKET 10.0.0.1:81 10.0.0.2:40000 - SYN|ACK 40 a+0x1;tcp_v4_rcv+0x1f3 tcp\n';

test('by the published columns', () => {
  expect(read(DROP)).toEqual([
    {
      time: 1.5,
      location: 'tcp_v4_rcv+0x1f3',
      reason: 'NO_SOCKET',
      local: '10.0.0.1:81',
      remote: '10.0.0.2:40000',
      state: null,
      flags: 'SYN|ACK',
      length: 40,
      stack: 'a+0x1;tcp_v4_rcv+0x1f3',
      proto: 'tcp',
    },
  ]);
});

test('columns in another order, appended, missing', () => {
  const header = '# D length colour time proto remote location state\n';
  expect(read(`${header}D 52 red 2.5 udp 10.0.0.2:53 ip_rcv+0x1 - more\n`)).toEqual([
    {
      time: 2.5,
      location: 'ip_rcv+0x1',
      reason: null,
      local: null,
      remote: '10.0.0.2:53',
      state: null,
      flags: null,
      length: 52,
      stack: null,
      proto: 'udp',
    },
  ]);
});

test('values that the kernel does not know', () => {
  const [drop] = read('D 1.5 ? - - - - - - - 0x0806\n');
  expect(drop).toMatchObject({ location: '?', reason: null, length: null, proto: '0x0806' });
});

test.each([
  [DROP.replace(' 40 ', ' many '), 'length is not a whole number from 0 on'],
  [DROP.replace(' 40 ', ' -1 '), 'length is not a whole number from 0 on'],
  ['D 1.5 tcp_v4_rcv+0x1f3\n', '2 columns where there should be 10'],
])('cannot read %j', (line, why) => {
  expect(read(line)).toEqual([why]);
});
