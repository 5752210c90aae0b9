// If the kernel lacks a symbol, the module names it, and lacks only the figure that requires it.
// The tests misspell a symbol in a copy of the module. To make a function look inlined, they replace
// the name of its caller.

import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  expectNoDoubt,
  isLoaded,
  Link,
  load,
  newMessages,
  requireGuest,
  sh,
  status,
  trySh,
  unload,
} from './guest.ts';
import { hooked, loadWith, loadWithout, misspelt } from './misspelt.ts';

requireGuest();

let link: Link;
let messages = '';
beforeEach(() => {
  link = new Link();
  newMessages();
  messages = '';
});
afterEach(async () => {
  if (isLoaded()) unload();
  await link.remove();
});

/** Return the module's messages since the test began. */
function said(): string {
  messages += newMessages();
  return messages.replace(/^(?!tcpsynq: ).*\n/gm, '');
}

/** Make half-opens that end in every way, and expect the sums to be right. */
async function expectCounted(): Promise<void> {
  await link.listener('--port 80 --backlog 400000 --accept close');
  const sent = await link.send(
    '--dport 80 --count 400 --complete 1 --reset 1 --abandon 1 --unreach 1 --then-reset',
  );
  const { figures, kernel } = await link.settled();
  expect(figures.half_open).toBe(kernel);
  await link.empty();
  const f = link.figures();
  expect(f).toMatchObject({
    added: 400,
    completed: sent.completed,
    expired: sent.abandoned,
    half_open: 0,
  });
  expect(f.reset + f.unreachable).toBe(sent.reset + sent.unreachable);
}

describe('loaded: a removal that no hook sees is counted when the half-open is freed', () => {
  const inner = '__inet_csk_reqsk_queue_drop';
  const outer = 'inet_csk_reqsk_queue_drop';
  test.each([
    [[inner]],
    [[outer]],
    [[inner, outer]],
    [['reqsk_timer_handler']],
    [['reqsk_timer_handler', inner]],
  ])('without %s', async (symbols) => {
    expect(loadWithout(...symbols)).toMatchObject({ status: 0 });
    expect(said()).not.toContain('continuing without count');
    expectNoDoubt();
    await expectCounted();
    expectNoDoubt(link);
  });

  test.for([[[inner]], [[inner, outer]]])(
    'MPTCP joins without %s',
    async ([symbols = []], { skip }) => {
      skip(!existsSync('/proc/sys/net/mptcp'), 'no MPTCP: it came with 5.6, if it is compiled in');
      expect(loadWithout(...symbols)).toMatchObject({ status: 0 });
      await link.joinByMptcp();
      await link.empty();
      expect(link.figures()).toMatchObject({ half_open: 0, added: 300, completed: 300 });
      expectNoDoubt(link);
    },
  );
});

test('with all symbols, none looks inlined', () => {
  load();
  expect(said()).not.toContain('inlined');
});

describe('loaded: one figure is missing', () => {
  test.each([
    ['tcp_req_err', 'unreachable'],
    ['tcp_peer_is_proven', 'queue_full'],
    ['tcp_conn_request', 'queue_full,accept_full,refused_other,syns'],
  ])('without %s: %s', async (symbol, figure) => {
    expect(loadWithout(symbol)).toMatchObject({ status: 0 });
    const other = misspelt(symbol);
    expect(said()).toContain(`${other}: cannot attach (-2); continuing without ${figure}\n`);
    expect(status()).toContain(`why ${other} is not attached: ${figure} is not counted separately`);
    expect(status()).toContain(`hook ${other} none 0 0 ${figure}`);
    expect(status()).toContain('exact no');
    await expectCounted();
  });

  test.each([
    ['tcp_rcv_established', 'sample', 'sample'],
    ['tcp_set_state', 'close', 'close'],
  ])('without %s: no records of kind %s', async (symbol, kind, serves) => {
    expect(loadWithout(symbol)).toMatchObject({ status: 0 });
    const other = misspelt(symbol);
    expect(said()).toContain(`${other}: cannot be found (-2); continuing without ${serves}\n`);
    expect(status()).toContain(`hook ${other} none 0 0 ${serves}`);
    // The module refuses a filter that asks for the missing kind.
    const refused = trySh(`(exec 3<>/proc/net/tcpsynq && echo kinds=${kind} >&3)`);
    expect(refused.output).toContain('No such file or directory');
    expectNoDoubt();
    await expectCounted();
  });

  const inlined = (symbol: string, caller: string, lost: string): string =>
    `${symbol}: the compiler inlined it into ${caller}, so no hook sees its calls; continuing without ${lost}\n`;

  test('tcp_req_err inlined: unreachable', async () => {
    expect(loadWith({ tcp_v4_err: 'tcp_v4_rcv' })).toMatchObject({ status: 0 });
    expect(said()).toContain(inlined('tcp_req_err', 'tcp_v4_rcv', 'unreachable'));
    expect(status()).toContain(
      'why tcp_req_err is not attached: unreachable is not counted separately',
    );
    expect(status()).toContain('hook tcp_req_err none 0 0 unreachable');
    expect(hooked()).not.toContain('tcp_req_err');
    await expectCounted();
    expect(link.figures().unreachable).toBe(0);
  });

  test('tcp_set_state inlined: no records of kind close', () => {
    expect(loadWith({ tcp_done: 'tcp_poll' })).toMatchObject({ status: 0 });
    expect(said()).toContain(inlined('tcp_set_state', 'tcp_poll', 'close'));
    expect(status()).toContain('hook tcp_set_state none 0 0 close');
    const refused = trySh('(exec 3<>/proc/net/tcpsynq && echo kinds=close >&3)');
    expect(refused.output).toContain('No such file or directory');
    expectNoDoubt();
  });

  test('without tcp_reset: closes are recorded, but not which end sent a RST', async () => {
    expect(loadWithout('tcp_reset')).toMatchObject({ status: 0 });
    expect(said()).toContain('tcp_rese~: cannot be found (-2); continuing without close_cause\n');
    const hooks = sh(
      "exec 3<>/proc/net/tcpsynq && echo kinds=close >&3 && grep '^hook' /proc/net/tcpsynq_status",
    );
    expect(hooks).toMatch(/^hook tcp_set_state (ftrace|kprobe) /m);
    expect(hooks).toMatch(/^hook tcp_rese~ none 0 0 close_cause$/m);
    expectNoDoubt();
  });
});
