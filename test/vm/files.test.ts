// The files under /proc/net: their permissions, their contents for any reader, and refusals.

import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  openSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { COLUMNS } from '../../src/stream/schema.ts';
import { eventually } from '../eventually.ts';
import {
  FLOOD,
  inside,
  isLoaded,
  Link,
  load,
  moduleFile,
  newMessages,
  PYTHON,
  parseStat,
  queueRoom,
  Running,
  requireGuest,
  sh,
  sleep,
  status,
  top,
  trySh,
  unload,
} from './guest.ts';
import { of, Tap } from './tap.ts';

requireGuest();

const TAP = '/proc/net/tcpsynq';
/** Return the `# filter` line, with defaults for the keys that are not given. */
const filter = (kinds = 'count,sample', interval = 1000): string =>
  `# filter kinds=${kinds} interval_ms=${interval} latency_ms=10 port=0 addr=- fwmark=0x0 full=0 hook=rcv proto=tcp stack=0 format=tcpsynq`;
const header = [
  /^# tcpsynq 1$/,
  /^# kernel \S+$/,
  /^# netns \d+$/,
  /^# boot_id [0-9a-f-]{36}$/,
  /^# clock_offset \d+\.\d{9}$/,
  new RegExp(`^${filter()}$`),
  ...Object.entries(COLUMNS).map(([kind, names]) => new RegExp(`^# ${kind} ${names.join(' ')}$`)),
];

function expectStream(text: string): string[] {
  const lines = text.trimEnd().split('\n');
  for (const [i, pattern] of header.entries()) expect(lines[i]).toMatch(pattern);
  const counts = lines.slice(header.length);
  for (const line of counts) expect(line).toMatch(/^C \d+\.\d{9}( -?\d+){21}$/);
  const times = counts.map((line) => Number(line.split(' ')[1]));
  expect(times).toEqual([...times].sort((a, b) => a - b));
  return counts;
}

const taps = new Set<number>();
const links = new Set<Link>();

/** Open a tap. afterEach() closes it unless the test has done so. */
function openTap(flags = constants.O_RDWR | constants.O_NONBLOCK): number {
  const tap = openSync(TAP, flags);
  taps.add(tap);
  return tap;
}

function closeTap(tap: number): void {
  taps.delete(tap);
  closeSync(tap);
}

function newLink(sysctls?: Record<string, number>): Link {
  const link = new Link(sysctls);
  links.add(link);
  return link;
}

const buffer = Buffer.alloc(65536);
const readTap = (tap: number): string => buffer.toString('latin1', 0, readSync(tap, buffer));

afterEach(async () => {
  for (const tap of taps) closeTap(tap);
  for (const link of links) await link.remove();
  links.clear();
});

describe('with the module loaded', () => {
  beforeAll(() => load());
  afterAll(() => unload());

  test('cat: the header and a C line at once, then one per interval', () => {
    const counts = expectStream(sh(`awk '{ print } /^C / && ++n == 4 { exit }' ${TAP}`));
    const times = counts.map((line) => Number(line.split(' ')[1]));
    expect(times[0]).toBeLessThan(1);
    // A busy machine may miss an interval: then one line is for both.
    expect(times.slice(1).every((time, i) => time > (times[i] as number) + 0.5)).toBe(true);
  });

  test('two cats at once both see everything', async () => {
    const outputs = await Promise.all(
      [1, 2].map(
        () =>
          new Promise<string>((resolve) => {
            const cat = spawn('cat', [TAP]);
            let text = '';
            cat.stdout.on('data', (chunk) => {
              text += chunk;
              if ((text.match(/^C .*\n/gm) ?? []).length >= 3) cat.kill();
            });
            cat.on('close', () => resolve(text));
          }),
      ),
    );
    for (const text of outputs) expect(expectStream(text).length).toBeGreaterThanOrEqual(3);
  });

  test('head, while read and dd bs=1 work as readers', () => {
    expect(sh(`head -3 ${TAP}`)).toMatch(/^# tcpsynq 1\n# kernel .*\n# netns \d+\n$/);
    expect(sh(`head -n ${header.length + 2} ${TAP} | tail -n 2 | cut -c1`)).toBe('C\nC\n');
    expect(
      sh(
        `n=0; while read -r kind rest; do n=$((n + 1)); [ $n = ${header.length + 2} ] && break; done <${TAP}; echo $kind`,
      ),
    ).toBe('C\n');
    expect(sh(`dd bs=1 count=25 status=none if=${TAP}`)).toBe(
      `# tcpsynq 1\n# kernel ${release()}`.slice(0, 25),
    );
  });

  test('a slow reader gets one line for the intervals it missed', async () => {
    const tap = openTap();
    readTap(tap);
    await sleep(3500);
    expect(readTap(tap)).toMatch(/^C [^\n]*\n$/);
    expect(() => readTap(tap)).toThrow(/EAGAIN/);
  });

  test('O_NONBLOCK, poll and seek', async () => {
    const tap = openTap(constants.O_RDONLY | constants.O_NONBLOCK);
    expectStream(readTap(tap));
    expect(() => readSync(tap, buffer)).toThrow(/EAGAIN/);
    expect(() => readSync(tap, buffer, 0, 10, 0)).toThrow(/ESPIPE/);
    const poll = `
import os, select, time
fd = os.open('${TAP}', os.O_RDONLY)
os.read(fd, 65536)
t = time.monotonic()
assert not select.select([fd], [], [], 0)[0]
assert select.select([fd], [], [], 60)[0]
assert 0.5 < time.monotonic() - t
print(os.read(fd, 65536).decode()[0])`;
    expect(sh(`${PYTHON} -c "${poll}"`)).toBe('C\n');
  });

  test.each(['O_RDWR', 'O_RDWR | os.O_NONBLOCK'])(
    '%s: after an empty write one read returns end of file',
    (flags) => {
      const letGo = `
import os, select
fd = os.open('${TAP}', os.${flags})
os.write(fd, b'interval_ms=3600000')
while b'interval_ms=3600000' not in os.read(fd, 65536): pass
os.write(fd, b'')
assert select.select([fd], [], [], 0)[0]
assert os.read(fd, 65536) == b''
assert not select.select([fd], [], [], 0)[0]`;
      sh(`${PYTHON} -c "${letGo}"`);
    },
  );

  test('a filter written to a tap applies to it alone and shows in the stream', () => {
    const output = sh(
      `exec 3<>${TAP}; echo 'interval_ms=200 kinds=count' >&3; awk '{ print } /^C / && ++n == 7 { exit }' <&3`,
    );
    expect(output).toContain(`${filter('count', 200)}\n`);
    const times = output.match(/(?<=^C )\S+/gm)?.map(Number) ?? [];
    // Six intervals of 0.2 s. One that was missed counts twice.
    expect((times[6] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1);
    expect(Math.min(...times.slice(1).map((time, i) => time - (times[i] as number)))).toBeLessThan(
      0.9,
    );
    expect(sh('cat /sys/module/tcpsynq/parameters/interval_ms')).toBe('1000\n');
  });

  test('the same, changed in mid-stream', () => {
    const tap = openTap();
    readSync(tap, buffer);
    writeSync(tap, 'interval_ms=60000\n');
    expect(readTap(tap)).toBe(`${filter('count,sample', 60000)}\n`);
  });

  // The kernel's rate limit lets ten of these lines pass in 5 s. A reload of the module resets it.
  let refusals = 0;
  test.each([
    ['nonsense=1', /nonsense: no such key/],
    ['interval_ms', /interval_ms: a filter is key=value/],
    ['interval_ms=0', /interval_ms=0: allowed is 10 to 3600000/],
    ['interval_ms=-1', /interval_ms=-1: allowed/],
    ['interval_ms=1000x', /interval_ms=1000x: allowed/],
    ['interval_ms=99999999999999999999', /allowed/],
    ['kinds=count,bogus', /kinds=count,bogus: allowed is a comma list of count, event, sample/],
    ['kinds=', /kinds=: allowed/],
    ['port=70000', /port=70000: allowed is 0 to 65535/],
    ['port=-1', /port=-1: allowed is 0 to 65535/],
    ['addr=10.0.0.0/33', /addr=10.0.0.0\/33: allowed is ADDRESS or ADDRESS\/LENGTH/],
    ['addr=10.0.0', /addr=10.0.0: allowed/],
    ['addr=fd00::/129', /addr=fd00::\/129: allowed/],
    ['addr=fd00::1::2', /addr=fd00::1::2: allowed/],
    ['fwmark=red', /fwmark=red: allowed is 0 to 4294967295/],
    ['latency_ms=10001', /latency_ms=10001: allowed is 0 to 10000/],
    ['full=2', /full=2: allowed is 0 or 1/],
    ['hook=in', /hook=in: allowed is rcv, xmit or both/],
    ['proto=icmp', /proto=icmp: allowed is tcp or any/],
    ['stack=2', /stack=2: allowed is 0 or 1/],
    ['format=json', /format=json: allowed is tcpsynq or tcpprobe/],
    ['kinds=count format=tcpprobe', /format=tcpprobe: its lines are samples, and kinds has none/],
    ['interval_ms=500 bad=1', /bad: no such key/],
    ['a filter of 600 bytes', /a filter of 600 bytes: allowed is 512/, 'x'.repeat(600)],
  ])('%s is refused, nothing changes', (name, line, text = name) => {
    if (refusals++ % 10 === 0) {
      unload();
      load();
    }
    const tap = openTap();
    newMessages();
    expect(() => writeSync(tap, text)).toThrow(/EINVAL/);
    const messages = newMessages().trimEnd();
    expect(messages.split('\n').length).toBe(1);
    expect(messages).toMatch(line);
    expect(readTap(tap)).toContain(`${filter()}\n`);
  });

  test('write-only opens are refused', () => {
    expect(trySh(`echo interval_ms=500 >${TAP}`).output).toMatch(/Invalid argument/);
  });

  test('no more taps than taps=', () => {
    sh('echo 2 >/sys/module/tcpsynq/parameters/taps');
    const open = [openTap(), openTap()];
    expect(() => openTap()).toThrow(/EBUSY/);
    for (const tap of open) closeTap(tap);
    sh('echo 16 >/sys/module/tcpsynq/parameters/taps');
    expect(status()).toContain('taps 0 16');
  });

  test('the last quarter of the taps is for the initial namespace', () => {
    sh('echo 4 >/sys/module/tcpsynq/parameters/taps');
    const elsewhere = (n: number) =>
      trySh(`unshare -n bash -c 'for i in $(seq ${n}); do exec {tap}<${TAP} || exit; done'`);
    expect(elsewhere(3)).toMatchObject({ status: 0 });
    expect(elsewhere(4).output).toMatch(/Device or resource busy/);
    const open = [openTap(), openTap(), openTap(), openTap()];
    for (const tap of open) closeTap(tap);
    sh('echo 16 >/sys/module/tcpsynq/parameters/taps');
  });

  test('a tap too large for its memory cgroup is refused, and no process is killed', () => {
    const group = '/sys/fs/cgroup/small';
    sh(`echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir ${group}`);
    sh(`echo 16M >${group}/memory.max && echo 0 >${group}/memory.swap.max || true`);
    sh('echo 65536 >/sys/module/tcpsynq/parameters/bufsize');
    try {
      // The rings of this tap take 24 MB on two CPUs.
      const { status, output } = trySh(
        `bash -c 'echo $$ >${group}/cgroup.procs; exec 3<>${TAP}; echo kinds=event >&3'`,
      );
      expect(output).toMatch(/Cannot allocate memory/);
      expect(status).toBe(1);
      expect(sh(`cat ${group}/memory.events`)).toMatch(/^oom_kill 0$/m);
    } finally {
      sh('echo 4096 >/sys/module/tcpsynq/parameters/bufsize');
    }
    sh(`rmdir ${group}`);
    expect(status()).toContain('taps 0 16');
  });

  test('no process without CAP_NET_ADMIN on the host opens a tap', () => {
    expect(statSync(TAP).mode & 0o777).toBe(0o600);
    const asNobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
    expect(trySh(`${asNobody} cat ${TAP}`).output).toMatch(/Permission denied/);
    expect(trySh(`${asNobody} unshare -Urn cat ${TAP}`).output).toMatch(/Permission denied/);
    expect(
      trySh(`${asNobody} unshare -Urnm sh -c 'mount -t proc p /proc; cat ${TAP}'`).status,
    ).not.toBe(0);
    // Root without the capability.
    expect(
      trySh(`setpriv --bounding-set=-net_admin --inh-caps=-net_admin cat ${TAP}`).output,
    ).toMatch(/not permitted/);
    // Anyone may read the counters.
    expect(sh(`${asNobody} cat /proc/net/stat/tcpsynq /proc/net/tcpsynq_listeners`)).toMatch(
      /^half_open/,
    );
  });

  test('opening taps in a loop leaves nothing and patches no kernel text', async () => {
    // Close the last tap that needs hooks with linger_ms=0, so that the module detaches them.
    const linger = '/sys/module/tcpsynq/parameters/linger_ms';
    sh(`echo 0 >${linger}`);
    const tap = openTap();
    readTap(tap);
    closeTap(tap);
    sh(`echo 10000 >${linger}`);
    await eventually('the hooks of samples to be idle', () =>
      status().some((line) => line.startsWith('hook tcp_rcv_established idle')),
    );
    const patched = () => sh('cat /sys/kernel/tracing/enabled_functions');
    const slab = () => Number(sh("awk '/^Slab/ {print $2}' /proc/meminfo"));
    const vmalloc = () => Number(sh("awk '/^VmallocUsed/ {print $2}' /proc/meminfo"));
    const open = (n: number, kinds: string) =>
      sh(`${PYTHON} -c "
import os
for i in range(${n}):
    fd = os.open('${TAP}', os.O_RDWR)
    os.write(fd, b'interval_ms=20 kinds=${kinds}')
    os.read(fd, 4096)
    os.close(fd)"`);
    const counting = patched();
    open(500, 'count');
    const [slabs, pages] = [slab(), vmalloc()];
    open(4000, 'count');
    // A tap takes 17 KiB: 4000 leaked taps would take 68 MB.
    expect(slab() - slabs + vmalloc() - pages).toBeLessThan(5000);
    expect(patched()).toBe(counting);

    open(1, 'count,event,sample');
    const sampling = patched();
    expect(sampling).not.toBe(counting);
    open(60, 'count,event,sample');
    // With its rings a tap takes 1.4 MiB: 60 leaked taps would take 84 MB.
    expect(slab() - slabs + vmalloc() - pages).toBeLessThan(10_000);
    expect(patched()).toBe(sampling);
    expect(status()).toContain('taps 0 16');
  });

  test('lnstat reads the counters', async () => {
    const link = newLink();
    await link.listener('--port 80 --backlog 400000');
    await link.send('--dport 80 --count 1234');
    // With -c, lnstat exits 1 after the last interval.
    const shown = trySh(
      `${inside(link.target)} lnstat -f tcpsynq -k half_open,added,expired -c 1 -s 0 -i 1`,
    ).output;
    expect(
      shown
        .trim()
        .split(/\s*\|\s*/)
        .slice(0, 3)
        .map(Number),
    ).toEqual([1234, 1234, 0]);
  });

  test('a row per possible CPU, whose sum is the C line', async () => {
    const link = newLink();
    await link.listener('--port 80,81 --backlog 400000');
    await Promise.all([
      link.send('--dport 80 --count 1000 --cpu 0'),
      link.send('--dport 81 --count 1000 --cpu 1 --first 100000'),
    ]);
    const text = link.inTarget('cat /proc/net/stat/tcpsynq');
    const rows = text.trimEnd().split('\n');
    expect(rows.length).toBe(1 + Number(sh('nproc --all')));
    expect(new Set(rows.map((row) => row.split(' ').length))).toEqual(new Set([21]));
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThan(1022);
    const c =
      link
        .inTarget(`head -n ${header.length + 1} ${TAP}`)
        .trimEnd()
        .split('\n')
        .pop()
        ?.split(' ') ?? [];
    expect(parseStat(text)).toMatchObject({ half_open: 2000, added: 2000 });
    expect(c.slice(2, 5).map(Number)).toEqual([2000, 0, 2000]);
  });

  test("listeners: a row each, with the kernel's own figures", async () => {
    const link = newLink({ 'net.core.somaxconn': 300 });
    await link.listener('--port 8080 --backlog 200 --accept no --defer-accept 3');
    await link.listener('--port 443 --addr fd09::1 --backlog 9999 --accept no');
    await link.send('--dport 8080 --count 50');
    const rows = link.listeners().sort((a, b) => (a.local ?? '').localeCompare(b.local ?? ''));
    expect(rows).toMatchObject([
      {
        local: '[fd09::1]:443',
        qlen: '0',
        holds: String(queueRoom(300)),
        backlog: '300',
        uid: '0',
      },
      {
        local: '0.0.0.0:8080',
        qlen: '50',
        holds: String(queueRoom(200)),
        backlog: '200',
        accept_qlen: '0',
      },
    ]);
    expect(Number(rows[1]?.defer_accept)).toBeGreaterThan(0);
    const inodes = link
      .inTarget('ss -Hltne')
      .match(/ino:(\d+)/g)
      ?.map((s) => s.slice(4))
      .sort();
    expect(rows.map((row) => row.inode).sort()).toEqual(inodes);
  });

  test('listeners: more of them than fit in a page, each once', async () => {
    const link = newLink();
    await link.listener('--port 1000-1999 --backlog 10');
    const ports = link.listeners().map((row) => row.local?.split(':').pop());
    expect(ports.length).toBe(1000);
    expect(new Set(ports).size).toBe(1000);
  });

  // The module must read each pointer of a closing listener once only: a second read may return a
  // different one. An oops ends the guest.
  test('listeners: they come and go while they are read', () => {
    const script = `import socket, time
end = time.time() + ${Math.max(5, Math.min(15, FLOOD / 1000))}
n = 0
while time.time() < end:
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(1)
    one.close()
    n += 1
print(n)`;
    const reread = join(top, 'lab', 'tools', 'build', 'reread');
    const [reads = 0, listeners = 0] = sh(`
      ${PYTHON} -c '${script}' >/tmp/listeners &
      n=0
      while kill -0 $! 2>/dev/null; do
        ${reread} 200 /proc/net/tcpsynq_listeners
        n=$((n + 200))
      done
      echo $n $(cat /tmp/listeners)`)
      .split(' ')
      .map(Number);
    expect(reads).toBeGreaterThan(200);
    expect(listeners).toBeGreaterThan(200);
  });

  test('a peak between two C lines is recorded', async () => {
    const link = newLink();
    await link.listener('--port 80 --backlog 400000');
    const script = `exec 3<>${TAP}; echo interval_ms=60000 >&3; timeout 1 cat <&3 >/dev/null; echo ready; read -r; echo interval_ms=10 >&3; timeout 1 cat <&3; true`;
    const tap = new Running(
      spawn('ip', ['netns', 'exec', link.target, 'bash', '-c', script]),
      'the tap',
    );
    await tap.says('ready');
    const count = FLOOD / 20;
    await link.send(`--dport 80 --count ${count} --reset 100 --hold 1`);
    await link.empty();
    tap.child.stdin?.write('\n');
    const first = (await tap.done()).split('\n').find((line) => line.startsWith('C ')) ?? '';
    const fields = first.split(' ');
    expect(Number(fields[2])).toBe(0);
    expect(Number(fields[16])).toBeGreaterThan(0.4 * count);
    expect(Number(fields[16])).toBeLessThanOrEqual(count);
  });

  test('a tap runs no timer while there is no record, and shows the next record', async () => {
    const link = newLink();
    await link.listener('--port 80 --backlog 400000');
    const tap = await new Tap(link.target, 'kinds=count,event interval_ms=60000').ready();
    const events = '/sys/kernel/tracing/events/timer/hrtimer_expire_entry/enable';
    const ticks = sh(`cd /sys/kernel/tracing; echo >trace; echo 1 >${events}; sleep 1
      echo 0 >${events}; grep -c synq_tap_tick trace || true`);
    expect(Number(ticks)).toBeLessThan(5);
    await link.send('--dport 80 --count 1 --linger 0');
    await tap.shows(/^A /m);
  });

  test('a CPU that comes online while a tap is open loses no record', async () => {
    const link = newLink();
    await link.listener('--port 80 --backlog 400000');
    const online = '/sys/devices/system/cpu/cpu1/online';
    writeFileSync(online, '0');
    let tap: Tap;
    try {
      tap = await new Tap(link.target, 'kinds=count,event').ready();
    } finally {
      writeFileSync(online, '1');
    }
    const count = FLOOD / 20;
    await link.send(`--dport 80 --count ${count} --cpu 1 --linger 0`);
    const lines = await tap.stop();
    expect(of('A', lines).length).toBe(count);
    expect(of('L', lines)).toEqual([]);
  });
});

describe('wrong parameters refuse the load with one line', () => {
  test.each([
    ['interval_ms=5', /interval_ms=5: allowed is 10 to 3600000/],
    ['kinds=everything', /kinds=everything: allowed is a comma list of count, event, sample/],
    ['port=70000', /port=70000: allowed is 0 to 65535/],
    ['addr=1.2.3.4/99', /addr=1.2.3.4\/99: allowed is ADDRESS or ADDRESS\/LENGTH/],
    ['bufsize=0', /bufsize=0: allowed is 16 to 65536 records/],
    ['bufsize=4294967295', /bufsize=4294967295: allowed is 16 to 65536 records/],
    ['taps=0', /taps=0: allowed is 1 to 1024/],
    ['linger_ms=3600001', /linger_ms=3600001: allowed is 0 to 3600000 milliseconds/],
    ['gid=-7', /gid=-7: allowed is a group number/],
    ['via=magic', /via=magic: allowed are auto, ftrace, kprobe/],
  ])('%s', (parameter, line) => {
    newMessages();
    expect(trySh(`insmod ${moduleFile} ${parameter}`).status).not.toBe(0);
    expect(isLoaded()).toBe(false);
    const ours = newMessages()
      .split('\n')
      .filter((text) => line.test(text));
    expect(ours.length).toBe(1);
  });
});

test('gid= lets that group open the tap, and no other', () => {
  load('gid=4242');
  try {
    expect(statSync(TAP).mode & 0o777).toBe(0o660);
    const as = (gid: number) =>
      `setpriv --reuid=65534 --regid=65534 --groups=${gid} head -n 1 ${TAP}`;
    expect(sh(as(4242))).toBe('# tcpsynq 1\n');
    expect(trySh(as(4243)).output).toMatch(/Permission denied/);
  } finally {
    unload();
  }
});
