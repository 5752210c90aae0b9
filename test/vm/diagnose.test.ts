// The verdicts of `tcpsynq diagnose` on known traffic.

import { spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isLoaded, Link, load, requireGuest, sh, top, unload } from './guest.ts';

requireGuest();

const asNobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all';
const HERE = '0.0.0.0:80';

let link: Link;
const links: Link[] = [];
afterEach(async () => {
  for (const one of links.splice(0)) await one.remove();
});

/** Create two namespaces, which afterEach() removes. */
function newLink(sysctls: Record<string, number>): Link {
  const one = new Link(sysctls);
  links.push(one);
  return one;
}

interface Run {
  readonly status: number | null;
  readonly output: string;
}

/** Run the command without blocking others: in an emulated machine it takes seconds to start. */
function run(args: string, as = ''): Promise<Run> {
  const child = spawn('bash', ['-c', `exec ${as} node ${top}/dist/cli.js ${args} 2>&1`]);
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, output })));
}

async function diagnosis() {
  const { output } = await run(`--netns ${link.target} --json diagnose --for 3s`);
  return JSON.parse(output);
}

const check = () => run(`--netns ${link.target} diagnose --check --for 3s`);

describe('module loaded', () => {
  beforeAll(() => load());
  afterAll(() => {
    if (isLoaded()) unload();
  });

  test('idle', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 1 });
    await link.listener('--port 80 --backlog 128');
    const [told, { status, output }] = await Promise.all([diagnosis(), check()]);
    expect(told).toMatchObject({ verdict: 'idle', rule: 'none of these', also: [] });
    expect(output).toMatch(/^TCPSYNQ OK - IDLE: [^|\n]* \| half_open=0;;;0; [^|\n]*\n$/);
    expect(status).toBe(0);
  });

  test('steady busy', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 1 });
    await link.listener('--port 80 --backlog 1024');
    link.client(`--dst ${link.address} --port 80 --count 60000 --rate 200 --rst --seconds 300`);
    await link.until((f) => f.completed > 20);
    const told = await diagnosis();
    expect(told).toMatchObject({ verdict: 'busy', listener: HERE, honest_clients: true });
    expect(told.completion).toBeGreaterThan(0.99);
  });

  test.each([0, 1])('honest surge, tcp_syncookies=%i', async (cookies) => {
    link = newLink({ 'net.ipv4.tcp_syncookies': cookies });
    await link.listener('--port 80 --backlog 100 --accept close');
    // Every client answers after 0.6 s: some 150 half-opens at once, and 101 fit.
    link.sender(
      '--dport 80 --count 150000 --rate 250 --complete 100 --hold 0.6 --then-reset --answer-repeats --seconds 300',
    );
    await link.until((f) => f.completed > 20);
    const [told, { status, output }] = await Promise.all([diagnosis(), check()]);
    expect(told).toMatchObject({ verdict: 'surge', listener: HERE, severity: 'warning' });
    expect(told.advice).toMatchObject({ setting: 'listen() backlog', command: null });
    expect(output).toMatch(/^TCPSYNQ WARNING - SURGE on 0\.0\.0\.0:80/);
    expect(status).toBe(1);
  });

  test('spoofed flood without cookies, on a queue that it does not fill', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 0, 'net.ipv4.tcp_synack_retries': 5 });
    await link.listener('--port 80 --backlog 60000');
    link.sender('--dport 80 --count 100000 --rate 300 --seconds 300');
    await link.until((f) => f.added > 1000);
    const filling = await diagnosis();
    expect(filling).toMatchObject({
      verdict: 'flood',
      listener: HERE,
      honest_clients: false,
      severity: 'warning',
      full_in_seconds: null,
      kernel_message: { printed: false, will: false },
    });
    expect(filling.advice.command).toBe(
      `ip netns exec ${link.target} sysctl -w net.ipv4.tcp_syncookies=1`,
    );
    expect(filling.evidence.sources.networks).toBeGreaterThan(2);
  });

  test('spoofed flood without cookies, when the queue is full', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 0, 'net.ipv4.tcp_synack_retries': 5 });
    await link.listener('--port 80 --backlog 300');
    link.sender('--dport 80 --count 300000 --rate 500 --seconds 300');
    await link.until((f) => f.queue_full > 100);
    const [told, { status, output }] = await Promise.all([diagnosis(), check()]);
    expect(told).toMatchObject({
      verdict: 'flood',
      listener: HERE,
      severity: 'critical',
      kernel_message: { printed: true, will: false },
    });
    expect(output).toMatch(/^TCPSYNQ CRITICAL - FLOOD/);
    expect(status).toBe(2);
  });

  test('spoofed flood with cookies', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 1, 'net.ipv4.tcp_synack_retries': 5 });
    sh('dmesg -C');
    await link.listener('--port 80 --backlog 128');
    link.sender('--dport 80 --count 300000 --rate 500 --seconds 300');
    await link.until((f) => f.cookies > 100);
    const told = await diagnosis();
    expect(told).toMatchObject({
      verdict: 'flood',
      listener: HERE,
      honest_clients: false,
      severity: 'warning',
      advice: { setting: null, command: null },
      kernel_message: { printed: true, will: false },
    });
    // Since Linux 6.2 the message has the address, too: 10.9.0.1:80, or [::]:80.
    expect(sh('dmesg')).toMatch(/Possible SYN flooding on port (\S+:)?80\. Sending cookies/);
  });

  test('the application stopped accepting', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 1 });
    const backlog = 3000;
    await link.listener(`--port 80 --backlog ${backlog} --accept no`);
    link.client(
      `--dst ${link.address} --port 80 --count 30000 --rate 100 --parallel 20000 --keep 300 --seconds 300`,
    );
    await link.until((f) => f.completed > 10);
    expect(await diagnosis()).toMatchObject({
      verdict: 'stuck',
      listener: HERE,
      severity: 'critical',
      rule: 'nothing accepted',
    });
  });

  test('the application stopped accepting, and its queue is full', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 1 });
    await link.listener('--port 80 --backlog 100 --accept no');
    link.client(
      `--dst ${link.address} --port 80 --count 30000 --rate 100 --parallel 20000 --keep 300 --seconds 300`,
    );
    await link.until((f) => f.accept_full > 0);
    const full = await diagnosis();
    expect(full).toMatchObject({ verdict: 'stuck', listener: HERE, rule: 'accept queue full' });
    expect(full.advice.command).toMatch(/^ps .* -p \d+$/);
    expect(full.why).toContainEqual(expect.stringMatching(/^held by listener\[\d+\]$/));
  });

  test('flood and honest clients: both are named, and a busy port hides neither', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 0, 'net.ipv4.tcp_synack_retries': 5 });
    await link.listener('--port 80,81 --backlog 200000');
    const honest = `--dst ${link.address} --count 100000 --rst --seconds 300`;
    link.sender('--dport 81 --count 190000 --rate 300 --seconds 300');
    link.client(`${honest} --port 81 --rate 50`);
    link.client(`${honest} --port 80 --rate 150`);
    await link.until((f) => f.completed > 50 && f.half_open > 200);
    const told = await diagnosis();
    expect(told).toMatchObject({
      verdict: 'flood',
      listener: '0.0.0.0:81',
      honest_clients: true,
      words: 'FLOOD on 0.0.0.0:81; real clients still connect',
      also: [],
    });
  });

  test('a capture, with events and without', async () => {
    link = newLink({ 'net.ipv4.tcp_syncookies': 0, 'net.ipv4.tcp_synack_retries': 5 });
    await link.listener('--port 80 --backlog 200000');
    link.sender('--dport 80 --count 190000 --rate 500 --seconds 300');
    await link.until((f) => f.added > 200);
    const captured = (kinds: string) =>
      link.inTarget(
        `bash -c "exec 3<>/proc/net/tcpsynq; echo kinds=${kinds} >&3; timeout 4 cat <&3 >/tmp/${kinds}; true"`,
      );
    captured('count,event');
    captured('count');
    const [events, counts] = await Promise.all(
      ['count,event', 'count'].map(async (kinds) => {
        const { output } = await run(`--json -i /tmp/${kinds} diagnose`);
        return JSON.parse(output);
      }),
    );
    expect(events).toMatchObject({ verdict: 'flood', listener: `${link.address}:80` });
    expect(counts).toMatchObject({ verdict: 'flood', listener: null, kernel_message: null });
  });

  test('no root: one line, exit 1; with --check UNKNOWN, exit 3', async () => {
    const [plain, plugin] = await Promise.all([
      run('diagnose --for 2s', asNobody),
      run('diagnose --check --for 2s', asNobody),
    ]);
    expect(plain.output).toMatch(/^tcpsynq: cannot open [^\n]*: it takes root[^\n]*\n$/);
    expect(plain.status).toBe(1);
    expect(plugin.output).toMatch(/^TCPSYNQ UNKNOWN - cannot open [^\n]*\n$/);
    expect(plugin.status).toBe(3);
  });

  test('the three-quarters rule refuses without a message', async () => {
    link = newLink({
      'net.ipv4.tcp_syncookies': 0,
      'net.ipv4.tcp_max_syn_backlog': 256,
      'net.ipv4.tcp_synack_retries': 5,
    });
    sh('dmesg -C');
    await link.listener('--port 80 --backlog 1000');
    link.sender('--dport 80 --count 100000 --rate 500 --seconds 300');
    await link.until((f) => f.queue_full > 100);
    const told = await diagnosis();
    expect(told).toMatchObject({
      verdict: 'flood',
      kernel_message: { printed: false, will: false },
    });
    expect(told.kernel_message.why).toContain('tcp_max_syn_backlog=256');
    expect(sh('dmesg')).not.toContain('Possible SYN flooding');
  });
});
