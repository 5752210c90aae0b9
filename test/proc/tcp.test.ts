import { expect, test } from 'vitest';
import { parseNetstat, SocketTally } from '../../src/proc/tcp.js';

// Rows in the format of Linux 6.1: a listener, a half-open, a Fast Open child in SYN_RECV, an
// established connection, and one in TIME_WAIT. Some states have fewer fields.
const TCP = [
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     ',
  '   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 1597 1 00000000480e4bdd 100 0 0 10 0                      ',
  '   1: 0100007F:01BB 0200007F:C001 03 00000000:00000000 01:00000064 00000001    33        0 0 0 00000000aabbccdd                                      ',
  '   2: 0100007F:01BB 0200007F:C002 03 00000000:00000000 01:00000064 00000000    33        0 0 2 00000000aabbccde                                      ',
  '10003: 0100007F:01BB 0200007F:C003 01 00000000:00000000 00:00000000 00000000    33        0 4242 1 00000000aabbccdf 20 4 30 10 -1                     ',
  '10004: 0100007F:01BB 0200007F:C004 06 00000000:00000000 03:00000A2B 00000000     0        0 0 3 00000000aabbcce0                                      ',
  '',
].join('\n');

function tally(chunks: readonly string[]): SocketTally {
  const result = new SocketTally();
  for (const chunk of chunks) {
    result.push(Buffer.from(chunk));
  }
  result.endOfFile();
  return result;
}

test('distinguishes half-opens from full sockets in SYN_RECV', () => {
  const result = tally([TCP]);
  expect(result.halfOpen).toBe(1);
  expect(result.byState().sort((a, b) => (a.state < b.state ? -1 : 1))).toEqual([
    { state: 'ESTABLISHED', sockets: 1 },
    { state: 'LISTEN', sockets: 1 },
    { state: 'NEW_SYN_RECV', sockets: 1 },
    { state: 'SYN_RECV', sockets: 1 },
    { state: 'TIME_WAIT', sockets: 1 },
  ]);
});

test('counts the same wherever the file is cut', () => {
  for (let at = 0; at < TCP.length; at += 1) {
    const result = tally([TCP.slice(0, at), TCP.slice(at)]);
    expect([result.halfOpen, result.byState().length]).toEqual([1, 5]);
  }
});

test('takes a second file after the first', () => {
  const result = tally([TCP]);
  result.push(Buffer.from(TCP));
  expect(result.halfOpen).toBe(2);
});

test('counts as many as there are', () => {
  const line = `${TCP.split('\n')[2]}\n`;
  expect(tally([`${TCP.split('\n')[0]}\n`, line.repeat(70_000)]).halfOpen).toBe(70_000);
});

test('takes cookies and refusals from /proc/net/netstat', () => {
  const text = [
    'TcpExt: SyncookiesSent SyncookiesRecv Newer ListenDrops TCPReqQFullDrop',
    'TcpExt: 11 12 13 14 15',
    'IpExt: SyncookiesSent',
    'IpExt: 99',
  ].join('\n');
  expect(parseNetstat(text)).toEqual({
    cookies: 11,
    cookies_ok: 12,
    listen_drops: 14,
    queue_full: 15,
  });
  expect(parseNetstat('')).toEqual({});
});
