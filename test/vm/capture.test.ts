// `tcpsynq capture` on the real module. The records it writes and those it reports as lost add up
// to the records that the module produced. However it ends, the file holds whole lines.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import {
  FLOOD,
  inside,
  isLoaded,
  Link,
  load,
  requireGuest,
  sh,
  sleep,
  status,
  top,
  unload,
} from './guest.ts';

requireGuest();

let link: Link;
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tcpsynq-'));
  load();
  link = new Link();
});
afterEach(async () => {
  expect(status()).toContain('taps 0 16');
  if (isLoaded()) unload();
  await link.remove();
  rmSync(directory, { recursive: true });
});

const path = (name: string) => join(directory, name);

/** A capture in the target's namespace, in the background. */
class Capture {
  stdout = '';
  stderr = '';
  readonly code: Promise<number | null>;
  readonly child;

  constructor(args: string) {
    const argv = [`${top}/dist/cli.js`, 'capture', '--netns', link.target, ...args.split(' ')];
    this.child = spawn('node', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout.on('data', (text) => {
      this.stdout += text;
    });
    this.child.stderr.on('data', (text) => {
      this.stderr += text;
    });
    this.code = new Promise((resolve) => this.child.on('close', resolve));
  }

  /** Wait for the first bytes in the file: from then on it records. */
  async ready(file: string): Promise<this> {
    await eventually(`bytes in ${file}`, () => {
      if (this.child.exitCode !== null) throw new Error(this.stderr);
      return existsSync(file) && statSync(file).size > 0;
    });
    return this;
  }

  stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.code;
  }
}

const linesOf = (text: string) => text.trimEnd().split('\n');
const of = (kind: string, text: string) =>
  linesOf(text).filter((line) => line.startsWith(`${kind} `));
const lostOf = (kind: string, text: string) =>
  of('L', text)
    .map((line) => line.split(' '))
    .filter((words) => words[2] === kind)
    .reduce((sum, words) => sum + Number(words[3]), 0);

test('two captures in a flood: recorded + lost = produced, for each', async () => {
  await link.listener('--port 80 --backlog 400000');
  // The buffer holds a few hundred events, so the reader must keep up.
  sh('echo 128 > /sys/module/tcpsynq/parameters/bufsize');
  const all = await new Capture(`--kinds event ${path('all')}`).ready(path('all'));
  sh('echo 16 > /sys/module/tcpsynq/parameters/bufsize');
  const some = await new Capture(`--kinds count,event ${path('some')}`).ready(path('some'));
  const count = (4 * FLOOD) / 10;
  // Stop this reader during the flood: it then loses records, however slow the flood is.
  some.child.kill('SIGSTOP');
  await link.send(`--dport 80 --count ${count} --rate ${count / 5} --reset 1 --abandon 1`);
  some.child.kill('SIGCONT');
  await eventually('the notice of losses', () => some.stderr.includes('records are being lost'));
  expect(await all.stop()).toBe(0);
  expect(await some.stop()).toBe(0);

  const whole = readFileSync(path('all'), 'utf8');
  expect(of('L', whole)).toEqual([]);
  expect(of('A', whole)).toHaveLength(count);
  expect(of('R', whole)).toHaveLength(count / 2);
  expect(all.stderr).toMatch(new RegExp(`^tcpsynq: ${1.5 * count} records in .*, lost 0\\n$`));

  const lossy = readFileSync(path('some'), 'utf8');
  const lost = { A: lostOf('A', lossy), R: lostOf('R', lossy) };
  expect(lost.A).toBeGreaterThan(0);
  expect(of('A', lossy).length + lost.A).toBe(count);
  expect(of('R', lossy).length + lost.R).toBe(count / 2);
  const records = of('A', lossy).length + of('R', lossy).length + of('C', lossy).length;
  expect(some.stderr).toMatch(new RegExp(`${records} records in .*, lost ${lost.A + lost.R}: `));
});

test('stopped in mid-flood: whole lines, and all of them up to the last', async () => {
  await link.listener('--port 80 --backlog 400000');
  const capture = await new Capture(`--kinds event ${path('f')}`).ready(path('f'));
  const sender = link.sender('--dport 80 --count 15000 --rate 5000');
  await link.until((f) => f.added > 3000);
  expect(await capture.stop()).toBe(0);
  const before = link.figures().added;
  await sender.done();
  const text = readFileSync(path('f'), 'utf8');
  const added = of('A', text);
  expect(text.endsWith('\n')).toBe(true);
  expect(added.length).toBeGreaterThan(3000);
  expect(added.length).toBeLessThanOrEqual(before);
  expect(lostOf('A', text)).toBe(0);
  // synsend gives each SYN its own address and port: no half-open is listed twice.
  const ports = new Set(added.map((line) => line.split(' ')[3]));
  expect(ports.size).toBe(added.length);
});

test('parts: each has its own header, and together they hold everything', async () => {
  await link.listener('--port 80 --backlog 400000');
  const file = path('f');
  const plain = new Capture(`--kinds count,event --rotate 64K ${file}`);
  const packed = new Capture(`--kinds count,event --compress --rotate 1s ${file}.gz`);
  await plain.ready(`${file}.000001`);
  await packed.ready(`${file}.000001.gz`);
  await link.send('--dport 80 --count 8000 --rate 2000');
  // A C line comes every second: wait for one that counts all half-opens.
  await sleep(1500);
  expect(await plain.stop()).toBe(0);
  expect(await packed.stop()).toBe(0);
  const names = readdirSync(directory).sort();
  for (const ending of [/\.\d{6}$/, /\.\d{6}\.gz$/]) {
    const texts = names
      .filter((name) => ending.test(name))
      .map((name) => readFileSync(path(name)))
      .map((bytes) => String(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes));
    expect(texts.length).toBeGreaterThan(3);
    for (const text of texts) {
      expect(text).toMatch(/^# tcpsynq 1\n# kernel .*\n# netns \d+\n/);
      expect(text.match(/^# A time local remote /gm)).toHaveLength(1);
      expect(text.endsWith('\n')).toBe(true);
    }
    expect(of('A', texts.join(''))).toHaveLength(8000);
    expect(new Set(of('A', texts.join(''))).size).toBe(8000);
  }
  const watched = linesOf(sh(`cat ${file}.*.gz | node ${top}/dist/cli.js watch --json -i -`));
  expect(JSON.parse(watched.at(-1) ?? '')).toMatchObject({ epoch: 1, half_open: 8000 });
});

test('the disk is full: one line says so, and the file is whole lines', async () => {
  await link.listener('--port 80 --backlog 400000');
  const [plain, packed] = [path('plain'), path('packed')];
  sh(`mkdir ${plain} ${packed}
    mount -t tmpfs -o size=128k full ${plain}; mount -t tmpfs -o size=64k full ${packed}`);
  try {
    const one = await new Capture(`--kinds count,event ${plain}/f`).ready(`${plain}/f`);
    const other = await new Capture(`--kinds count,event --compress ${packed}/f`).ready(
      `${packed}/f`,
    );
    await link.send('--dport 80 --count 20000 --rate 5000');
    for (const capture of [one, other]) {
      expect(await capture.code).toBe(1);
      expect(capture.stderr).toMatch(
        /^tcpsynq: \d+ records .*, last lines not written: \d+, lost 0\ntcpsynq: cannot write .*\/f: no space left on device; what it holds is whole lines\n$/,
      );
    }
    const texts = [readFileSync(`${plain}/f`, 'utf8'), sh(`zcat ${packed}/f`)];
    for (const [i, text] of texts.entries()) {
      const [, records, missing] =
        /: (\d+) records .* not written: (\d+)/.exec([one, other][i]?.stderr ?? '') ?? [];
      expect(text.endsWith('\n')).toBe(true);
      expect(of('A', text).length).toBeGreaterThan(1000);
      expect(of('A', text).length + of('C', text).length).toBe(Number(records) - Number(missing));
    }
  } finally {
    sh(`umount ${plain} ${packed}`);
  }
});

test('-- COMMAND: everything that happened while it ran, and its exit status', async () => {
  await link.listener('--port 80 --backlog 400000');
  const sender = `${inside(link.attacker)} ${top}/lab/tools/build/synsend`;
  const flood = `--dev ${link.device} --dst ${link.address} --dport 80 --count 3000`;
  const capture = new Capture(`--kinds event ${path('f')} -- ${sender} ${flood}`);
  expect(await capture.code).toBe(0);
  expect(JSON.parse(capture.stdout)).toMatchObject({ syn_sent: 3000 });
  expect(of('A', readFileSync(path('f'), 'utf8'))).toHaveLength(3000);
  const failing = new Capture(`--kinds event ${path('g')} -- ${sender} --dst nonsense`);
  expect(await failing.code).toBe(2);
});

test("tcpprobe: the module's own lines of that format, except for their times", async () => {
  const peer = link.address.replace(/1$/, '2');
  sh(`${inside(link.attacker)} iperf3 -s -1 -D --forceflush`);
  const filter = 'kinds=sample format=tcpprobe full=1 port=5201';
  const script = `exec 3<>/proc/net/tcpsynq && echo ${filter} >&3 && exec cat <&3 >${path('cat')}`;
  const cat = spawn('ip', ['netns', 'exec', link.target, 'bash', '-c', script]);
  await eventually('the tap of cat', () => existsSync(path('cat')));
  const capture = new Capture(
    `--format tcpprobe --full --port 5201 ${path('f')} -- ${inside(link.target)} iperf3 -c ${peer} -n 400K`,
  );
  expect(await capture.code).toBe(0);
  const fields = (name: string) =>
    linesOf(readFileSync(path(name), 'utf8'))
      .map((line) => line.split(' ').slice(1).join(' '))
      // Two taps may order records of two CPUs with the same time differently.
      .sort();
  expect(fields('f').length).toBeGreaterThan(10);
  await expect.poll(() => fields('cat'), { timeout: 20_000 }).toEqual(fields('f'));
  cat.kill('SIGTERM');
  await once(cat, 'exit');
  expect(linesOf(readFileSync(path('f'), 'utf8'))[0]).toMatch(
    /^\d+\.\d{9} \S+:\d+ \S+:\d+ \d+ 0x[0-9a-f]+ 0x[0-9a-f]+ \d+ \d+ \d+ \d+ \d+$/,
  );
});

test('--append after the module was loaded again: a new epoch', async () => {
  const file = path('f');
  for (const more of ['', '--append ']) {
    if (!isLoaded()) load();
    const capture = new Capture(`--kinds count --interval 100ms -n 5 ${more}${file}`);
    expect(await capture.code).toBe(0);
    expect(capture.stderr).toMatch(/^tcpsynq: 5 records in .*, lost 0\n$/);
    unload();
  }
  load();
  const epochs = linesOf(sh(`node ${top}/dist/cli.js watch --json -i ${file}`)).map(
    (line) => JSON.parse(line).epoch,
  );
  expect(epochs).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
});

test('a filter that the module refuses gives one line, and no file', async () => {
  const capture = new Capture(`--kinds nonsense ${path('f')}`);
  expect(await capture.code).toBe(1);
  expect(capture.stderr).toMatch(/^tcpsynq: the module refuses ".*": .*\n$/);
  expect(existsSync(path('f'))).toBe(false);
});
