import { expect, test } from 'vitest';
import { parseInterval, parsePlace, parsePositive } from '../src/arguments.js';

test.each([
  ['500ms', 500],
  ['1s', 1000],
  ['2.5s', 2500],
  ['2m', 120_000],
  ['10ms', 10],
])('parseInterval(%j)', (text, ms) => {
  expect(parseInterval(text)).toBe(ms);
});

test.each(['', '1', '9ms', '61m', '-1s', '2h', 's', '1 s', '1e3s'])('refuses %j', (text) => {
  expect(() => parseInterval(text)).toThrow('It takes a duration');
});

test('parsePositive', () => {
  expect(parsePositive('3')).toBe(3);
  for (const text of ['0', '-1', '1.5', 'x', '', '99999999999999999999']) {
    expect(() => parsePositive(text)).toThrow('It takes a whole number');
  }
});

test.each([
  ['127.0.0.1:9100', { host: '127.0.0.1', port: 9100 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['localhost:65535', { host: 'localhost', port: 65_535 }],
])('parsePlace(%j)', (text, place) => {
  expect(parsePlace(text)).toEqual(place);
});

test.each([
  '',
  '9100',
  ':9100',
  '::1:9100',
  '[127.0.0.1]:1',
  '[::g]:1',
  'a:65536',
  'a:-1',
  'a b:1',
])('parsePlace refuses %j', (text) => {
  expect(() => parsePlace(text)).toThrow('It takes HOST:PORT');
});
