// The module refuses to load if it lacks a symbol without which the count would be wrong.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isKernel, isLoaded, newMessages, requireGuest, trySh, unload } from './guest.ts';
import { hooked, type Insmod, loadWith, loadWithout, misspelt } from './misspelt.ts';

requireGuest();

beforeEach(() => {
  newMessages();
});
afterEach(() => {
  if (isLoaded()) unload();
});

function expectRefused(insmod: () => Insmod, why: RegExp): void {
  const before = hooked();
  expect(insmod().output).toContain('Unknown symbol in module');
  expect(newMessages().replace(/^(?!tcpsynq: ).*\n/gm, '')).toMatch(why);
  expect(isLoaded()).toBe(false);
  expect(trySh('ls -d /proc/net/tcpsynq* /proc/net/stat/tcpsynq').output).not.toMatch(/^\/proc/m);
  expect(hooked()).toBe(before);
}

describe('the count would be wrong', () => {
  test.each([
    'tcp_v4_send_synack',
    'tcp_v6_send_synack',
    'tcp_v4_reqsk_destructor',
    'tcp_v6_reqsk_destructor',
    'inet_csk_complete_hashdance',
    ...(isKernel(5, 14) ? ['reuseport_migrate_sock'] : []),
  ])('without %s', (symbol) => {
    expectRefused(
      () => loadWithout(symbol),
      new RegExp(`${misspelt(symbol)}: cannot .*\\(-2\\), and without it the count would be wrong`),
    );
  });

  test.skipIf(isKernel(5, 14))('with reuseport_migrate_sock before 5.14', () => {
    expectRefused(
      () => loadWith({ reuseport_migrate_sock: 'tcp_rate_skb_delivered' }),
      /: before Linux 5\.14 the module cannot follow half-opens that move to another listener/,
    );
  });

  test('the end of a handshake inlined', () => {
    expectRefused(
      () => loadWith({ tcp_check_req: 'tcp_v4_do_rcv' }),
      /inet_csk_complete_hashdance: the compiler inlined it, so no hook sees its calls/,
    );
  });
});
