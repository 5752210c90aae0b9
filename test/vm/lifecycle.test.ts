// Load and unload the module at any time, next to any other tool: the count is exact, or the module
// says that it is not.

import { closeSync, existsSync, openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  expectExact,
  FLOOD,
  isKernel,
  isLoaded,
  Link,
  load,
  requireGuest,
  type Sent,
  sh,
  sleep,
  status,
  tapsOpen,
  top,
  trySh,
  unload,
} from './guest.ts';

requireGuest();

let link: Link;
beforeEach(() => {
  link = new Link();
});
afterEach(async () => {
  if (isLoaded()) unload();
  await link.remove();
});

describe('the starting value', () => {
  test('counts the orphans of a closed listener', async () => {
    const listener = await link.listener('--port 80 --backlog 400000');
    // SYN-ACK timers fire 1, 3, 7 and 15 s after the SYN, and end half-opens of a closed listener.
    // Between the third and the fourth even a slow machine has time to load the module.
    const count = FLOOD / 20;
    await link.send(`--dport 80 --count ${count} --linger 8`);
    await listener.stop();
    load();
    expect(link.figures()).toMatchObject({ initial: count, half_open: count });
    expect(sh('dmesg | grep tcpsynq: | tail -1')).toMatch(
      new RegExp(`: ${count} half-open at load, found among \\d+ sockets in \\d+ us`),
    );
    await link.empty();
    expect(link.figures()).toMatchObject({ half_open: 0, closed: count });
    await expectExact(link);
  });

  test('cookies and refusals start from zero', async () => {
    // No half-open may expire while the module is being loaded, however slow the machine is.
    link.sysctl('net.ipv4.tcp_synack_retries', 6);
    await link.listener('--port 80 --backlog 100 --accept no');
    await link.send('--dport 80 --count 1000');
    const initial = link.kernelHalfOpen();
    expect(initial).toBeGreaterThanOrEqual(100);
    load();
    expect(link.figures()).toMatchObject({
      initial,
      queue_full: 0,
      accept_full: 0,
      cookies: 0,
    });
    const sent = await link.send('--dport 80 --count 1000 --first 100000');
    const f = link.figures();
    expect(f.added + f.queue_full + f.accept_full).toBe(sent.syn_sent);
  });
});

test('rmmod with an open tap says "in use" and harms nothing', () => {
  load();
  const tap = openSync('/proc/net/tcpsynq', 'r');
  const refused = trySh('rmmod tcpsynq');
  expect(refused.status).toBe(1);
  expect(refused.output).toMatch(/in use/);
  expect(status()).toContain('taps 1 16');
  closeSync(tap);
  unload();
});

test('an open tap holds its namespace; both go when it closes', async () => {
  load();
  // The kernel deletes a veth device with its namespace, and its peer with it.
  sh('ip netns add held && ip link add veth-here type veth peer name veth-held netns held');
  const tap = sh(
    `ip netns exec held bash -c 'sleep 1000 <>/proc/net/tcpsynq >/dev/null 2>&1 & echo $!'`,
  ).trim();
  sh('ip netns del held');
  expect(trySh('rmmod tcpsynq').status).toBe(1);
  await sleep(1000);
  expect(existsSync('/sys/class/net/veth-here')).toBe(true);
  sh(`kill ${tap}`);
  await tapsOpen(0);
  await expect.poll(() => existsSync('/sys/class/net/veth-here'), { timeout: 60_000 }).toBe(false);
  unload();
});

test('the module does not make the removal of a namespace wait for RCU', async ({ skip }) => {
  skip(!isKernel(5, 3), 'before 5.3 it has to');
  load();
  const trace = sh(`cd /sys/kernel/tracing
    echo function >current_tracer
    echo 'synchronize_rcu*' >set_ftrace_filter
    echo 1 >options/func_stack_trace
    echo >trace
    ip netns add gone; ip netns del gone
    for tenth in $(seq 300); do grep -q '=> cleanup_net' trace && break; sleep 0.1; done
    cat trace
    echo 0 >options/func_stack_trace
    echo nop >current_tracer
    echo >set_ftrace_filter`);
  // The tracer did see the removal of a namespace wait for RCU.
  expect(trace).toContain('=> cleanup_net');
  // The tracer's own frame may print as synq_init, if it reuses that function's freed memory.
  expect(trace).not.toContain('=> synq_netns');
});

describe('beside other tools on the same functions', () => {
  const drop = sh('cat /proc/kallsyms').includes(' __inet_csk_reqsk_queue_drop\n')
    ? '__inet_csk_reqsk_queue_drop'
    : 'inet_csk_reqsk_queue_drop';
  const functions = [
    'tcp_v4_send_synack',
    drop,
    'inet_csk_complete_hashdance',
    'inet_csk_reqsk_queue_hash_add',
  ];

  const count = (3 * FLOOD) / 10;
  async function flood(): Promise<Sent> {
    await link.listener('--port 80 --backlog 400000 --accept close');
    return link.send(`--dport 80 --count ${count} --complete 1 --reset 1 --abandon 1 --then-reset`);
  }

  test('kprobe events and bpftrace: still exact', async () => {
    load();
    sh(
      functions
        .map((name, i) => `echo 'p:synqtest${i} ${name}' >>/sys/kernel/tracing/kprobe_events`)
        .join('\n'),
    );
    sh('for e in /sys/kernel/tracing/events/kprobes/synqtest*; do echo 1 >$e/enable; done');
    sh(
      `bpftrace -e '${functions.map((name) => `kprobe:${name} { @[func] = count(); }`).join(' ')}
         kretprobe:${drop} { @ret[retval & 1] = count(); }' >/tmp/bpftrace.log 2>&1 &
       for i in $(seq 600); do grep -q Attaching /tmp/bpftrace.log && break; sleep 0.1; done; sleep 3`,
    );
    const sent = await flood();
    await link.empty();
    const f = link.figures();
    expect(f).toMatchObject({ added: count, completed: sent.completed, reset: sent.reset });
    await expectExact(link);
    sh(
      `pkill -INT bpftrace; for i in $(seq 600); do pgrep bpftrace >/dev/null || break; sleep 0.1; done`,
    );
    sh(
      `for e in /sys/kernel/tracing/events/kprobes/synqtest*; do echo 0 >$e/enable; done
       echo >/sys/kernel/tracing/kprobe_events`,
    );
    // bpftrace really was attached to the same function.
    expect(sh('cat /tmp/bpftrace.log')).toMatch(new RegExp(`@\\[${drop}\\]: \\d+`));
  });

  test('kernel.ftrace_enabled=0 is refused while the module is loaded', async ({ skip }) => {
    skip(!isKernel(5, 5), 'a hook can forbid it since 5.5; before, the status says what it doubts');
    const { output } = trySh('sysctl -qw kernel.ftrace_enabled=0 kernel.ftrace_enabled=1');
    skip(output.includes('not supported'), 'ftrace cannot be switched off (7.3)');
    load();
    expect(trySh('sysctl -w kernel.ftrace_enabled=0').status).not.toBe(0);
    await flood();
    await link.empty();
    await expectExact(link);
  });

  function expectRefused(via: string, why: RegExp): void {
    expect(trySh(`insmod kmod/tcpsynq.ko via=${via}`).output).toContain('Device or resource busy');
    expect(sh('dmesg | grep tcpsynq: | tail -1')).toMatch(why);
    expect(isLoaded()).toBe(false);
  }

  test.for(['auto', 'kprobe'])(
    'kernel.ftrace_enabled=0 beforehand refuses the load with one line: via=%s',
    (via, { skip }) => {
      const { status, output } = trySh('sysctl -qw kernel.ftrace_enabled=0');
      skip(output.includes('not supported'), 'ftrace cannot be switched off (7.3)');
      expect(status, output).toBe(0);
      try {
        expectRefused(via, /cannot attach while kernel\.ftrace_enabled=0.*; set it to 1$/m);
      } finally {
        sh('sysctl -qw kernel.ftrace_enabled=1');
      }
    },
  );

  test('all kprobes switched off beforehand refuses via=kprobe', () => {
    sh('echo 0 >/sys/kernel/debug/kprobes/enabled');
    try {
      expectRefused('kprobe', /, or kprobes\/enabled in debugfs is 0; set it to 1$/m);
    } finally {
      sh('echo 1 >/sys/kernel/debug/kprobes/enabled');
    }
  });

  test('all kprobes switched off in debugfs: the count goes on', async () => {
    load();
    sh('echo 0 >/sys/kernel/debug/kprobes/enabled');
    try {
      await flood();
      await link.empty();
      await expectExact(link);
    } finally {
      sh('echo 1 >/sys/kernel/debug/kprobes/enabled');
    }
  });

  test('a kprobe on every instruction of tcp_check_req() beforehand', async () => {
    // The kernel refuses an offset at which no instruction begins.
    const probed = sh(`
      for offset in $(seq 0 1200); do
        echo "p:every$offset tcp_check_req+$offset"
      done | while read -r probe; do
        { echo "$probe" >>/sys/kernel/tracing/kprobe_events; } 2>/dev/null || :
      done
      grep -c every /sys/kernel/tracing/kprobe_events
      echo 1 >/sys/kernel/tracing/events/kprobes/enable`);
    try {
      expect(Number(probed)).toBeGreaterThan(100);
      load();
      const sent = await flood();
      await link.empty();
      expect(link.figures()).toMatchObject({ added: count, completed: sent.completed });
      await expectExact(link);
    } finally {
      sh(`echo 0 >/sys/kernel/tracing/events/kprobes/enable
          echo >/sys/kernel/tracing/kprobe_events`);
    }
  });

  test('via=kprobe counts too, and says what it cannot promise', async () => {
    load('via=kprobe');
    const sent = await flood();
    await link.empty();
    expect(link.figures()).toMatchObject({ added: count, completed: sent.completed });
    expect(status()).toContain('exact no');
    expect(status().join('\n')).toMatch(/why \w*reqsk_queue_\w+ is a kprobe/);
  });

  test('via=jprobe: the same before Linux 4.15, refused since', async () => {
    if (isKernel(4, 15)) {
      expect(trySh(`insmod ${top}/kmod/tcpsynq.ko via=jprobe`).status).not.toBe(0);
      expect(sh('dmesg | tail -n 3')).toContain(
        'tcpsynq: via=jprobe: allowed are auto, ftrace, kprobe; jprobe on kernels before 4.15',
      );
      return;
    }
    load('via=jprobe');
    const sent = await flood();
    await link.empty();
    expect(link.figures()).toMatchObject({ added: count, completed: sent.completed });
    expect(status().join('\n')).toMatch(/why inet_csk_reqsk_queue_drop is a jprobe/);
  });
});
