// Compare the printed limit with the queue length at which the kernel begins to refuse SYNs or to
// answer them with cookies. The tests find that length by trying.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { limitSetBy } from '../../src/proc/listeners.ts';
import { Link, load, requireGuest, unload } from './guest.ts';

requireGuest();

/** SYNs sent beyond those that fit. */
const MORE = 150;

let link: Link;
beforeAll(() => {
  load();
  link = new Link();
});
afterAll(async () => {
  await link.remove();
  unload();
});

interface Case {
  readonly backlog: number;
  readonly somaxconn?: number;
  readonly max_syn_backlog?: number;
  readonly cookies?: number;
  readonly setBy: string;
}

const cases: readonly (readonly [string, Case])[] = [
  ['a backlog below somaxconn', { backlog: 100, setBy: 'listen()=100' }],
  ['a backlog above somaxconn', { backlog: 5000, somaxconn: 200, setBy: 'somaxconn=200' }],
  ['no cookies', { backlog: 4000, max_syn_backlog: 256, setBy: 'tcp_max_syn_backlog=256' }],
  ['a quarter not whole', { backlog: 400, max_syn_backlog: 131, setBy: 'tcp_max_syn_backlog=131' }],
  ['three quarters are the backlog', { backlog: 300, max_syn_backlog: 400, setBy: 'listen()=300' }],
  ['one less', { backlog: 300, max_syn_backlog: 398, setBy: 'tcp_max_syn_backlog=398' }],
  ['cookies', { backlog: 100, max_syn_backlog: 64, cookies: 1, setBy: 'listen()=100' }],
  ['cookies, somaxconn', { backlog: 51, somaxconn: 50, cookies: 1, setBy: 'somaxconn=50' }],
  ['nothing but cookies', { backlog: 100, cookies: 2, setBy: 'tcp_syncookies=2' }],
];

test.each(cases)('%s', async (name, { backlog, setBy, ...settings }) => {
  const { somaxconn = 4096, max_syn_backlog = 100_000, cookies = 0 } = settings;
  link.sysctl('net.core.somaxconn', somaxconn);
  link.sysctl('net.ipv4.tcp_max_syn_backlog', max_syn_backlog);
  link.sysctl('net.ipv4.tcp_syncookies', cookies);
  const at = cases.findIndex(([own]) => own === name);
  const port = 1000 + at;
  await link.listener(`--port ${port} --backlog ${backlog} --accept no`);
  const row = link.listeners().find(({ local }) => local === `0.0.0.0:${port}`);
  const holds = Number(row?.holds);
  expect(
    limitSetBy({ holds, backlog: Number(row?.backlog) } as Parameters<typeof limitSetBy>[0], {
      somaxconn,
      tcp_max_syn_backlog: max_syn_backlog,
      tcp_syncookies: cookies,
    }),
  ).toBe(setBy);

  const before = link.figures();
  // Send from one CPU: two could both find room for the last half-open that fits.
  await link.send(
    `--dport ${port} --count ${holds + MORE} --first ${at * 10_000} --linger 0.3 --cpu 0`,
  );
  // Count at once, since in 7 s the kernel clears half of a full queue. Ask the kernel, not the
  // module.
  const kernel = link.inTarget(`bash -c "ss -Htn state syn-recv sport = :${port} | wc -l"`);
  const after = link.figures();
  expect(Number(kernel)).toBe(holds);
  expect(after.added - before.added).toBe(holds);
  expect(after.cookies - before.cookies).toBe(cookies > 0 ? MORE : 0);
  expect(after.queue_full - before.queue_full).toBe(cookies > 0 ? 0 : MORE);
});
