import { describe, expect, test } from 'vitest';
import {
  byFullness,
  fullness,
  type Listener,
  limitSetBy,
  parseListeners,
} from '../../src/proc/listeners.js';
import { parseStat } from '../../src/proc/stat.js';
import { parseStatus } from '../../src/proc/status.js';
import { parseHex } from '../../src/stream/number.js';
import { gc } from '../memory.js';
import { listenersText } from '../proc.js';

test.each([
  ['0', 0],
  ['ff', 255],
  ['00000000ffffffff', 4294967295],
  ['ffffffffffffffff', -1],
  ['fffffffffffffff6', -10],
  ['001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['0020000000000001', undefined],
  ['x', undefined],
  ['', undefined],
  ['11111111111111111', undefined],
])('parseHex(%j) is %j', (token, value) => {
  expect(parseHex(token)).toBe(value);
});

describe('/proc/net/stat/tcpsynq', () => {
  const TEXT = [
    'half_open initial added completed unknown',
    '0000000000000005 0000000000000002 0000000a 00000004 ff',
    '0000000000000005 ffffffffffffffff 00000003 00000005 ff',
  ].join('\n');

  test('adds up the CPUs, but for half_open', () => {
    expect(parseStat(TEXT)).toEqual({
      figures: { half_open: 5, initial: 1, added: 13, completed: 9 },
      cpus: [
        { initial: 2, added: 10, completed: 4 },
        { initial: -1, added: 3, completed: 5 },
      ],
    });
  });

  test.each([
    ['', 'no rows'],
    ['half_open', 'no rows'],
    ['added\n01', 'no column half_open'],
    ['half_open added\n01', 'row 1: added'],
    ['half_open\nzz', 'row 1: half_open'],
  ])('says why it cannot read %j', (text, why) => {
    expect(parseStat(text)).toContain(why);
  });
});

describe('/proc/net/tcpsynq_listeners', () => {
  const HEADER =
    'local inode uid qlen young holds accept_qlen backlog defer_accept drops warned newer';

  test('reads rows by name', () => {
    expect(parseListeners(`${HEADER}\n[::]:443 812 33 7 6 129 1 128 0 4 1 x\n`)).toEqual([
      {
        local: '[::]:443',
        inode: 812,
        uid: 33,
        qlen: 7,
        young: 6,
        holds: 129,
        accept_qlen: 1,
        backlog: 128,
        defer_accept: 0,
        drops: 4,
        warned: true,
      },
    ]);
    expect(parseListeners(HEADER)).toEqual([]);
  });

  test('keeps the listeners, and none of the text', () => {
    const kept: unknown[] = [];
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 10; i += 1) {
      const rows = Array.from({ length: 20_000 }, (_, j) => ({ local: `192.168.100.100:${j}` }));
      kept.push(parseListeners(listenersText(rows))[i]);
    }
    gc();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(3e6);
    expect(kept[9]).toMatchObject({ local: '192.168.100.100:9', backlog: 128 });
  });

  test('says why it cannot read', () => {
    expect(parseListeners('')).toBe('no header row');
    expect(parseListeners(' \n\n')).toBe('no header row');
    expect(parseListeners(`${HEADER}\n[::]:443 x`)).toBe('row 1: inode is not a whole number');
    const good = '[::]:443 812 33 7 6 129 1 128 0 4 1 x';
    expect(parseListeners(`${HEADER}\n${good}\n\n[::]:80 1 2`)).toBe(
      'row 2: qlen is not a whole number',
    );
  });
});

const LISTENER: Listener = {
  local: '0.0.0.0:80',
  inode: 1,
  uid: 0,
  qlen: 10,
  young: 10,
  holds: 129,
  accept_qlen: 0,
  backlog: 128,
  defer_accept: 0,
  drops: 0,
  warned: false,
};

describe('which setting limits a SYN queue', () => {
  test.each([
    // backlog, somaxconn, tcp_max_syn_backlog, tcp_syncookies
    [128, 4096, 1024, 1, 'listen()=128'],
    [4096, 4096, 1024, 1, 'somaxconn=4096'],
    [4096, 4096, 1024, 2, 'tcp_syncookies=2'],
    [4096, 4096, 1024, 0, 'tcp_max_syn_backlog=1024'],
    [700, 4096, 1024, 0, 'listen()=700'],
    [768, 4096, 1024, 0, 'listen()=768'],
    [769, 4096, 1024, 0, 'tcp_max_syn_backlog=1024'],
    [128, 128, 1024, 0, 'somaxconn=128'],
    [128, 128, 2, 0, 'tcp_max_syn_backlog=2'],
    [128, null, 1024, 1, null],
    [128, 4096, null, 1, null],
    [128, 4096, 1024, null, null],
  ])(
    'listen(%j), somaxconn %j, tcp_max_syn_backlog %j, tcp_syncookies %j: by %j',
    (backlog, somaxconn, tcp_max_syn_backlog, tcp_syncookies, by) => {
      const settings = { somaxconn, tcp_max_syn_backlog, tcp_syncookies };
      expect(limitSetBy({ ...LISTENER, backlog }, settings)).toBe(by);
    },
  );
});

test('the fullest comes first, those that only send cookies last', () => {
  const all = [
    { ...LISTENER, local: 'cookies', holds: 0, qlen: 0 },
    { ...LISTENER, local: 'b', qlen: 0 },
    { ...LISTENER, local: 'a', qlen: 0 },
    { ...LISTENER, local: 'full', qlen: 129 },
  ];
  expect(all.sort(byFullness).map(({ local }) => local)).toEqual(['full', 'a', 'b', 'cookies']);
  expect(fullness(all[3] as Listener)).toBeNull();
});

test('/proc/net/tcpsynq_status', () => {
  const text = [
    'version 0.1.0',
    'exact no',
    'why tcp_abort could not be hooked',
    'why another reason',
    'initial_walk 412 37',
    'taps 1 64',
    'hook tcp_conn_request ftrace 120 0 count,cookies',
    'hook gone none 0 0 drop',
    'something newer',
  ].join('\n');
  expect(parseStatus(text)).toEqual({
    version: '0.1.0',
    exact: false,
    why: ['tcp_abort could not be hooked', 'another reason'],
    initial: { us: 412, found: 37 },
    taps: { open: 1, max: 64 },
    hooks: [
      {
        symbol: 'tcp_conn_request',
        via: 'ftrace',
        hits: 120,
        missed: 0,
        serves: ['count', 'cookies'],
      },
      { symbol: 'gone', via: 'none', hits: 0, missed: 0, serves: ['drop'] },
    ],
  });
  expect(parseStatus('')).toMatchObject({ version: null, exact: null, hooks: [] });
});
