import { describe, expect, test } from 'vitest';
import { parseEnd, parseNetwork, wants } from '../../src/stream/endpoints.js';

test.each([
  ['10.0.0.1:80', { address: '10.0.0.1', port: 80 }],
  ['[fd00::1]:65535', { address: 'fd00::1', port: 65535 }],
  ['10.0.0.1', null],
  ['10.0.0.256:80', null],
  ['10.0.0.1:65536', null],
  ['fd00::1:80', null],
  ['[10.0.0.1]:80', null],
  ["10.0.0.1:80'; system('x')", null],
])('parseEnd reads %s', (text, end) => {
  expect(parseEnd(text)).toEqual(end);
});

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.1', '10.0.0.1', true],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', 'fd00::1', false],
    ['fd00::/16', 'fd00:1::2', true],
    ['fd00::/16', 'fd01::2', false],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
  ])('%s and the address %s', (network, address, inside) => {
    expect(parseNetwork(network)?.(address)).toBe(inside);
  });

  test.each(['10.0.0.0/33', 'fd00::/129', '10.0.0', 'host', '10.0.0.0/', ''])(
    'refuses %j',
    (text) => {
      expect(parseNetwork(text)).toBeNull();
    },
  );
});

test('a filter matches either endpoint', () => {
  const [local, remote] = ['10.0.0.1:5001', '10.0.1.2:41000'];
  expect(wants({}, local, remote)).toBe(true);
  expect(wants({ port: 41000 }, local, remote)).toBe(true);
  expect(wants({ port: 80 }, local, remote)).toBe(false);
  expect(wants({ port: 80, pairs: [[local, remote]] }, local, remote)).toBe(false);
  expect(wants({ pairs: [[remote, local]] }, local, remote)).toBe(true);
  expect(wants({ pairs: [[remote, remote]] }, local, remote)).toBe(false);
  expect(wants({ network: parseNetwork('10.0.1.0/24') ?? undefined }, local, remote)).toBe(true);
  expect(wants({}, local, 'nowhere')).toBeNull();
});
