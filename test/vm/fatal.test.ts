// Tests that leave the kernel unusable. They have a guest of their own.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { MARK } from '../left.ts';
import {
  isLoaded,
  Link,
  load,
  newMessages,
  requireGuest,
  sh,
  status,
  top,
  trySh,
} from './guest.ts';
import { of, Tap } from './tap.ts';

requireGuest();

/** lab/hostile. Load it before any test: a locked-down kernel refuses unsigned modules. */
const hostile = '/sys/module/hostile/parameters';
const withHostile = trySh(`insmod ${join(top, 'lab/hostile/hostile.ko')}`).status === 0;
const REASON = 'lab/hostile is built for the kernel of the lab';

let link: Link;
beforeAll(() => {
  link = new Link();
  load();
});
afterAll(() => link.remove());

test('a segment dropped while the kernel updates the clock', async ({ skip }) => {
  skip(!withHostile, REASON);
  const tap = await new Tap(undefined, 'kinds=count,drop proto=any').ready();
  // A probe that calls ktime_get_ns() in there would wait forever for the end of the update.
  writeFileSync(`${hostile}/drop_in`, 'timekeeping_update');
  await eventually('the clock to be moved on', () =>
    readFileSync(`${hostile}/drop_in`, 'utf8').startsWith('-'),
  );
  const places = of('D', await tap.stop()).map((words) => words[2] ?? '');
  expect(places.filter((place) => place.startsWith('drop_segment+'))).toHaveLength(1);
});

test('locked down for confidentiality: no stacks', async ({ skip }) => {
  const lockdown = '/sys/kernel/security/lockdown';
  sh('mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security');
  skip(trySh(`test -w ${lockdown}`).status !== 0, 'the kernel cannot be locked down');
  const before = await new Tap(undefined, 'kinds=count,drop stack=1').ready();
  writeFileSync(lockdown, 'confidentiality');
  expect(trySh('cat /sys/kernel/tracing/trace').output).toMatch(/not permitted/);
  newMessages();
  const refused = trySh("(exec 3<>/proc/net/tcpsynq && echo 'kinds=drop stack=1' >&3)");
  expect(refused.output).toMatch(/not permitted/);
  expect(newMessages()).toMatch(/tcpsynq: stack=1: refused while the kernel is locked down/);
  // A default of stack=1 is refused, too. A tap that was open before keeps its stacks.
  sh('echo 1 >/sys/module/tcpsynq/parameters/stack');
  const asked = "exec 3<>/proc/net/tcpsynq && echo 'kinds=drop' >&3";
  expect(trySh(`(${asked})`).output).toMatch(/not permitted/);
  // The default kinds have no stacks, so a tap with them opens.
  expect(sh('head -n 1 /proc/net/tcpsynq')).toBe('# tcpsynq 1\n');
  sh('echo 0 >/sys/module/tcpsynq/parameters/stack');
  expect(sh('head -n 1 /proc/net/tcpsynq')).toBe('# tcpsynq 1\n');
  await (await new Tap(undefined, 'kinds=count,drop,close,event').ready()).stop();
  await before.stop();
});

test('ftrace has shut itself down: the module stays', async ({ skip }) => {
  skip(!withHostile, REASON);
  expect(status().join('\n')).toMatch(/^hook tcp_v4_send_synack ftrace /m);
  await link.listener('--port 80 --backlog 400000 --accept close');
  writeFileSync(`${hostile}/kill_ftrace`, '1');
  newMessages();
  // rmmod ends only with the guest, so hide it from the check for processes left behind.
  sh(`env -u ${MARK} rmmod tcpsynq >/dev/null 2>&1 &`);
  let said = '';
  await eventually('the module to say that it stays', () => {
    said += newMessages();
    return said.includes('tcpsynq: ftrace has shut itself down');
  });
  // Each SYN calls the hooks. If their memory had been freed, that would crash the guest.
  const sent = await link.send('--dport 80 --count 1000 --complete 50 --reset 50 --then-reset');
  expect(sent).toMatchObject({ syn_sent: 1000, completed: 500 });
  expect(sh('cat /sys/module/tcpsynq/initstate')).toBe('going\n');
  expect(isLoaded()).toBe(true);
});
