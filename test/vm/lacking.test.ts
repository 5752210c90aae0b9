// What a kernel lacks costs only the figure that wants it, and is named; the count is refused
// rather than wrong. Each symbol is taken away by misspelling it in a copy of the module; it seems
// inlined if its call is looked for in another function.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  expectNoDoubt,
  isKernel,
  isLoaded,
  Link,
  load,
  moduleFile,
  newMessages,
  requireGuest,
  sh,
  status,
  trySh,
  unload,
} from './guest.ts';

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

/** As no kernel has it, and as long as it is. */
const misspelt = (symbol: string): string => symbol.replace(/.$/, '~');

interface Insmod {
  status: number;
  output: string;
}

/** insmod of a module with other names in it, each as long as the one whose place it takes. */
function loadWith(names: Record<string, string>): Insmod {
  let text = readFileSync(moduleFile, 'latin1');
  for (const [symbol, other] of Object.entries(names)) {
    expect(other.length).toBe(symbol.length);
    const whole = new RegExp(`(?<![\\w:])${symbol}\\0`, 'g');
    expect(text).toMatch(whole);
    text = text.replace(whole, `${other}\0`);
  }
  writeFileSync('/tmp/lacking.ko', text, 'latin1');
  return trySh('insmod /tmp/lacking.ko');
}

const loadWithout = (...symbols: string[]): Insmod =>
  loadWith(Object.fromEntries(symbols.map((symbol) => [symbol, misspelt(symbol)])));

/** The module's messages since the test began. */
function said(): string {
  messages += newMessages();
  return messages.replace(/^(?!tcpsynq: ).*\n/gm, '');
}

/** Functions that something is attached to. */
const hooked = (): string => sh('cat /sys/kernel/tracing/enabled_functions');

function expectRefused(insmod: () => Insmod, why: RegExp): void {
  const before = hooked();
  expect(insmod().output).toContain('Unknown symbol in module');
  expect(said()).toMatch(why);
  expect(isLoaded()).toBe(false);
  expect(trySh('ls -d /proc/net/tcpsynq* /proc/net/stat/tcpsynq').output).not.toMatch(/^\/proc/m);
  expect(hooked()).toBe(before);
}

/** Half-opens that end in every way, and the sums of them. */
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

describe('refused: the count would be wrong', () => {
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
      /inet_csk_complete_hashdance: this kernel was compiled with it inlined where no hook sees it/,
    );
  });
});

describe('loaded: what a removal does not pass is counted when the half-open is freed', () => {
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
    expect(said()).not.toContain('going on without count');
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

test('with all of them nothing is taken for inlined', () => {
  load();
  expect(said()).not.toContain('inlined');
});

describe('loaded: one figure is not had', () => {
  test.each([
    ['tcp_req_err', 'unreachable'],
    ['tcp_peer_is_proven', 'queue_full'],
    ['tcp_v4_syn_recv_sock', 'accept_full'],
    ['tcp_create_openreq_child', 'accept_full'],
  ])('without %s: %s', async (symbol, figure) => {
    expect(loadWithout(symbol)).toMatchObject({ status: 0 });
    const other = misspelt(symbol);
    expect(said()).toContain(`${other}: cannot attach (-2); going on without ${figure}\n`);
    expect(status()).toContain(`why ${other} is not attached: ${figure} is not counted apart`);
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
    expect(said()).toContain(`${other}: cannot be found (-2); going on without ${serves}\n`);
    expect(status()).toContain(`hook ${other} none 0 0 ${serves}`);
    // What is asked for and cannot be had is refused.
    const refused = trySh(`(exec 3<>/proc/net/tcpsynq && echo kinds=${kind} >&3)`);
    expect(refused.output).toContain('No such file or directory');
    expectNoDoubt();
    await expectCounted();
  });

  const inlined = (symbol: string, caller: string, lost: string): string =>
    `${symbol}: this kernel was compiled with it inlined into ${caller}, where no hook sees it; going on without ${lost}\n`;

  test('tcp_req_err inlined: unreachable', async () => {
    expect(loadWith({ tcp_v4_err: 'tcp_v4_rcv' })).toMatchObject({ status: 0 });
    expect(said()).toContain(inlined('tcp_req_err', 'tcp_v4_rcv', 'unreachable'));
    expect(status()).toContain('why tcp_req_err is not attached: unreachable is not counted apart');
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

  test('without tcp_reset: connections are told as closed, not by whom they were reset', async () => {
    expect(loadWithout('tcp_reset')).toMatchObject({ status: 0 });
    expect(said()).toContain('tcp_rese~: cannot be found (-2); going on without close_cause\n');
    const hooks = sh(
      "exec 3<>/proc/net/tcpsynq && echo kinds=close >&3 && grep '^hook' /proc/net/tcpsynq_status",
    );
    expect(hooks).toMatch(/^hook tcp_set_state (ftrace|kprobe) /m);
    expect(hooks).toMatch(/^hook tcp_rese~ none 0 0 close_cause$/m);
    expectNoDoubt();
  });
});
