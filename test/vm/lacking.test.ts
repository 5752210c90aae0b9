// What a kernel lacks costs only the figure that wants it, and is named; the count is refused
// rather than wrong. Each symbol is taken away by misspelling it in a copy of the module.

import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  expectNoDoubt,
  isLoaded,
  Link,
  moduleFile,
  requireGuest,
  sh,
  status,
  trySh,
  unload,
} from './guest.ts';

requireGuest();

let link: Link;
beforeEach(() => {
  link = new Link();
  sh('dmesg --clear');
});
afterEach(async () => {
  if (isLoaded()) unload();
  await link.remove();
});

/** As no kernel has it, and as long as it is. */
const misspelt = (symbol: string): string => symbol.replace(/.$/, '~');

/** insmod of a module that asks for these under another name. */
function loadWithout(...symbols: string[]): { status: number; output: string } {
  let text = readFileSync(moduleFile, 'latin1');
  for (const symbol of symbols) {
    const whole = new RegExp(`(?<![\\w:])${symbol}\\0`, 'g');
    expect(text).toMatch(whole);
    text = text.replace(whole, `${misspelt(symbol)}\0`);
  }
  writeFileSync('/tmp/lacking.ko', text, 'latin1');
  return trySh('insmod /tmp/lacking.ko');
}

const said = (): string => sh('dmesg | grep tcpsynq: || true');

/** Functions that something is attached to. */
const hooked = (): string => sh('cat /sys/kernel/tracing/enabled_functions');

function expectRefused(symbols: string[], why: RegExp): void {
  const before = hooked();
  expect(loadWithout(...symbols).output).toContain('Unknown symbol in module');
  expect(said()).toMatch(why);
  expect(isLoaded()).toBe(false);
  expect(trySh('ls -d /proc/net/tcpsynq* /proc/net/stat/tcpsynq').output).not.toMatch(/^\/proc/m);
  expect(hooked()).toBe(before);
}

/** Half-opens that end in every way, and the sums of them. */
async function expectCounted(): Promise<void> {
  await link.listener('--port 80 --backlog 400000 --accept close');
  const sent = await link.send(
    '--dport 80 --count 2000 --complete 1 --reset 1 --abandon 1 --unreach 1 --then-reset',
  );
  const { figures, kernel } = await link.settled();
  expect(figures.half_open).toBe(kernel);
  await link.empty();
  const f = link.figures();
  expect(f).toMatchObject({
    added: 2000,
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
    'inet_csk_complete_hashdance',
    'tcp_check_req',
    'reqsk_timer_handler',
    'inet_csk_reqsk_queue_drop_and_put',
  ])('without %s', (symbol) => {
    expectRefused(
      [symbol],
      new RegExp(`${misspelt(symbol)}: cannot .*\\(-2\\), and without it the count would be wrong`),
    );
  });

  test('without a function that every removal passes', () => {
    expectRefused(
      ['__inet_csk_reqsk_queue_drop', 'inet_csk_reqsk_queue_drop', 'reqsk_queue_unlink'],
      /inet_csk_reqsk_queue_dro~: this kernel was compiled with it inlined where no hook sees it/,
    );
  });
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
