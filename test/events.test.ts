import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture, eventCapture } from './capture.js';
import { named, onTerminal, run, start } from './command.js';

// `tcpsynq events` on captures: the rows of test/terminal.md that need no module.

const WEB = '10.9.0.1:443';
const SSH = '[fd09::1]:22';

/** 40 handshakes at a web server, of which 30 complete; a loss; one reset at another server. */
const LINES = [
  ...Array.from({ length: 40 }, (_, i) => [
    `A ${WEB} 198.18.${i % 4}.9:${1024 + i} ${(i % 8) + 1} 129`,
    `R ${WEB} 198.18.${i % 4}.9:${1024 + i} ${i % 8} ${i < 30 ? 'completed' : 'expired'} ` +
      `${i < 30 ? 79_000 + i * 100 : 63_000_000} ${i < 3 ? 2 : 1}`,
  ]).flat(),
  'L A 5 5 99',
  `A ${SSH} [2001:db8::5]:4000 1 17`,
  `R ${SSH} [2001:db8::5]:4000 0 reset 1250 1`,
];

let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-events-'));
  file = join(directory, 'capture');
  await writeFile(file, eventCapture(LINES));
});

afterAll(() => rm(directory, { recursive: true }));

const rowsOf = (text: string) => text.trimEnd().split('\n');
const objectsOf = (text: string) => rowsOf(text).map((line) => JSON.parse(line));

describe('not a terminal', () => {
  test('a header, then words with one space between; losses where they happened', async () => {
    const { stdout, stderr, code } = await run(['events', '-i', file]);
    const [header, ...rows] = rowsOf(stdout);
    expect(header).toBe('time event local remote qlen limit outcome age_us synacks');
    expect(rows).toHaveLength(82);
    expect(rows[0]).toBe('2026-09-21T14:13:20.123457Z + 10.9.0.1:443 198.18.0.9:1024 1 129 - - -');
    expect(rows[1]).toBe(
      '2026-09-21T14:13:20.223457Z - 10.9.0.1:443 198.18.0.9:1024 0 129 completed 79000 2',
    );
    expect(rows.at(-1)).toMatch(/ - \[fd09::1\]:22 \[2001:db8::5\]:4000 0 17 reset 1250 1$/);
    expect(rowsOf(stderr)).toEqual([
      'tcpsynq: lost 5 records of kind A, 5 in all',
      'tcpsynq: added 41, removed 41 in 8.2 s, ' +
        'completed 30 (73 %), expired 10 (24 %), reset 1 (2 %), lost 5',
    ]);
    expect(code).toBe(0);
  });

  test('JSON: an object an event, and one for a loss', async () => {
    const { stdout } = await run(['events', '-i', file, '--json']);
    const objects = objectsOf(stdout);
    expect(objects).toHaveLength(83);
    expect(objects[1]).toEqual({
      event: 'removed',
      time: '2026-09-21T14:13:20.223457Z',
      stream_time: 0.1,
      local: WEB,
      remote: '198.18.0.9:1024',
      qlen: 0,
      limit: 129,
      outcome: 'completed',
      age_us: 79_000,
      synacks: 2,
    });
    expect(objects[80]).toMatchObject({ event: 'loss', of: 'A', lost: 5, produced_total: 99 });
    expect(objects[81]).toMatchObject({ event: 'added', local: SSH, outcome: null, age_us: null });
  });

  test('without a clock: stream time; without an A line: no limit', async () => {
    const { stdout } = await run(['events', '-i', '-'], `R 2.5 ${WEB} 1.2.3.4:5 0 reset 7 1\n`);
    expect(rowsOf(stdout)[1]).toBe('2.500000000 - 10.9.0.1:443 1.2.3.4:5 0 - reset 7 1');
  });

  test.each(
    named([
      [['--port', '22'], 2],
      [['--port', '1030'], 2],
      [['--addr', '198.18.2.0/24'], 20],
      [['--addr', '198.18.2.9'], 20],
      [['--addr', '2001:db8::/32'], 2],
      [['--addr', '10.9.0.1', '--port', '443'], 80],
      [['--addr', '0.0.0.0/0'], 80],
      [['--outcome', 'expired,reset'], 11],
      [['--outcome', 'completed', '--addr', '198.18.0.0/24'], 8],
      [['-n', '7'], 7],
      [['--port', '21'], 0],
    ]),
  )('`%s`', async (_line, args, events) => {
    const { stdout, code } = await run(['events', '-i', file, '--json', ...args]);
    const shown = stdout === '' ? [] : objectsOf(stdout);
    expect(shown.filter(({ event }) => event !== 'loss')).toHaveLength(events);
    expect(code).toBe(0);
  });

  test('lines that cannot be read are skipped and counted', async () => {
    const damaged = [...LINES.slice(0, 2), `A ${WEB} 1.2.3.4:5 many 129`, 'R torn', LINES[0] ?? ''];
    const { stdout, stderr, code } = await run(['events', '-i', '-'], eventCapture(damaged));
    expect(rowsOf(stdout)).toHaveLength(4);
    expect(stderr).toMatch(/skipped line 13: qlen is not a whole number from 0 on\n/);
    expect(stderr).toMatch(/skipped 2 lines of standard input in all\n/);
    expect(code).toBe(0);
  });

  test('a capture without events', async () => {
    const { stdout, stderr, code } = await run(['events', '-i', '-'], capture(10, 5));
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'tcpsynq: standard input holds no events: record them with `tcpsynq capture --kinds count,event FILE`\n',
    );
    expect(code).toBe(1);
    const quiet = await run(['events', '-i', '-'], eventCapture([]));
    expect(quiet.code).toBe(0);
  });

  test('--top: outcomes, listeners, sources, each figure exact', async () => {
    const { stdout, code } = await run(['events', '-i', file, '--top']);
    const [outcomes = '', listeners = '', sources = ''] = stdout.split('\n\n');
    expect(outcomes).toMatch(/^outcome +removed +share\ncompleted +30 +0\.7317\n/);
    expect(outcomes).toMatch(/\nother +0 +0\.0000$/);
    expect(listeners).toMatch(/^listener +queue +added +removed +completed/);
    expect(listeners).toMatch(/\n10\.9\.0\.1:443 +7\/129 +40 +40 +30 +10 +0 +0 +0 +0\n/);
    expect(sources).toMatch(/^source +added +share +at_most\n198\.18\.0\.0\/24 +10 +0\.2439 +10\n/);
    expect(sources).toMatch(/\n2001:db8::\/64 +1 /);
    expect(sources).toMatch(/\n# 5 networks, counted exactly\n$/);
    expect(code).toBe(0);
  });

  test('--top --outcome: where those come from', async () => {
    const { stdout } = await run(['events', '-i', file, '--top', '--json', '--outcome', 'expired']);
    expect(JSON.parse(stdout)).toMatchObject({
      event: 'top',
      added: null,
      removed: 10,
      outcomes: { expired: 10, completed: 0 },
      sources: { networks: 4, exact: true, count_error: 0 },
    });
  });

  test('--handshake: quantiles and a histogram, over all and by listener', async () => {
    const { stdout, code } = await run(['events', '-i', file, '--handshake']);
    expect(stdout).toMatch(
      /^listener +p50_us +p90_us +p99_us +max_us +completed +retransmitted\nall +80\d\d\d +81\d\d\d +81\d\d\d +81900 +30 +3\n10\.9\.0\.1:443 /,
    );
    expect(stdout).toMatch(
      /# times within 0\.8 %, max exact\n\n# SYN to final ACK, all\n75 ms +█+ +30 +100 %\n/,
    );
    expect(code).toBe(0);
    const json = await run(['events', '-i', file, '--handshake', '--json']);
    const { all, listeners, error } = JSON.parse(json.stdout);
    expect(all).toMatchObject({ completed: 30, retransmitted: 3, min_us: 79_000, max_us: 81_900 });
    expect(Math.abs(all.p50_us - 80_400)).toBeLessThanOrEqual(error * 80_400);
    expect(
      all.histogram.reduce((sum: number, { count }: { count: number }) => sum + count, 0),
    ).toBe(30);
    expect(listeners).toHaveLength(1);
  });

  test('--interval: again and again, while the capture grows', async () => {
    const args = ['events', '-i', file, '--follow', '--top', '--json', '--interval', '100ms'];
    const started = start(args);
    await started.until(/(?:.*"added":41.*\n){3}/);
    started.child.kill('SIGTERM');
    const { stdout, stderr, code } = await started.ended();
    expect(objectsOf(stdout).at(-1)).toMatchObject({ event: 'top', added: 41 });
    expect(stderr).toMatch(/added 41, removed 41/);
    expect(code).toBe(0);
  });

  test.each(
    named([
      [['--fwmark', '7'], /--fwmark has no meaning for a capture/],
      [['--interval', '1s'], /--interval goes with --top or --handshake/],
      [['--top', '--interval', '1s'], /--interval has no meaning for a capture/],
      [['--top', '--handshake'], /exclude each other/],
      [['--handshake', '--outcome', 'reset'], /--outcome has no meaning there/],
      [['--port', '0'], /from 1 to 65535/],
      [['--addr', '10.0.0.0/33'], /IPv4 or IPv6 network/],
      [['--addr', 'host'], /IPv4 or IPv6 network/],
      [['--outcome', 'lost'], /some of completed,expired,reset/],
      [['--netns', '1'], /--netns has no meaning for a capture/],
    ]),
  )('refuses `%s`', async (_line, args, why) => {
    const { stdout, stderr, code } = await run(['events', '-i', file, ...args]);
    expect(stdout).toBe('');
    expect(stderr).toMatch(why);
    expect(code).toBe(2);
  });

  test('-i proc is refused', async () => {
    const { stderr, code } = await run(['events', '-i', 'proc']);
    expect(stderr).toMatch(
      /^tcpsynq: events come from the module or a capture: -i proc has none\n$/,
    );
    expect(code).toBe(2);
  });
});

describe.concurrent('terminal', () => {
  test.each([40, 80, 200])('%d columns: lines that fit', async (columns) => {
    const started = onTerminal(['events', '-i', file], { columns, rows: 24 }, { NO_COLOR: '1' });
    const { stdout, code } = await started.ended();
    const [header = '', ...lines] = stdout.replaceAll('\r', '').trimEnd().split('\n');
    expect(header).toMatch(columns < 80 ? /^ {2}REMOTE/ : /^TIME +REMOTE +LOCAL/);
    const events = lines.filter((line) => !line.startsWith('tcpsynq:'));
    expect(events).toHaveLength(82);
    expect(Math.max(...events.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(events[0]).toMatch(/\+ 198\.18\.0\.9:1024 /);
    expect(events[1]).toMatch(/- 198\.18\.0\.9:1024 .*completed/);
    expect(columns > 40).toBe(/ 79 ms +2$/.test(events[1] ?? ''));
    expect(code).toBe(0);
  });

  test('colour, and none with NO_COLOR', async () => {
    const coloured = await onTerminal(['events', '-i', file], { columns: 80, rows: 24 }).ended();
    expect(coloured.stdout).toContain('\u001b[32mcompleted');
    expect(coloured.stdout).toContain('\u001b[31mexpired');
    const env = { NO_COLOR: '1' };
    const plain = await onTerminal(['events', '-i', file], { columns: 80, rows: 24 }, env).ended();
    expect(plain.stdout).not.toContain('\u001b');
  });

  /** Return the last frame. Type each key after a frame shows the effect of the previous one. */
  async function frame(
    args: string[],
    columns: number,
    rows: number,
    shows: RegExp,
    keys: readonly (readonly [key: string, shows: RegExp])[] = [],
  ) {
    const started = onTerminal(['events', '-i', file, ...args], { columns, rows });
    let lines = await started.press('', shows);
    for (const [key, then] of keys) {
      lines = await started.press(key, then);
    }
    started.child.stdin?.write('q');
    const { stdout, code } = await started.ended();
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    expect(stdout).toMatch(/\?1049l/);
    expect(stdout).toMatch(/added 41, removed 41/);
    expect(code).toBe(0);
    return lines.join('\n');
  }

  test.each([
    [40, 24],
    [80, 24],
    [200, 24],
    [80, 10],
  ])('--top in %d columns, %d rows', async (columns, rows) => {
    const text = await frame(['--top'], columns, rows, /added 41/);
    expect(text).toMatch(/LOST 5 +added 41/);
    expect(text).toMatch(/completed +30 +73 %/);
    expect(text).toMatch(/10\.9\.0\.1:443 +7\/129/);
    expect(text).toMatch(/198\.18\.0\.0\/24 +10 +24 %/);
    expect(text).toMatch(rows > 10 ? /5 networks, counted exactly/ : /SOURCE/);
    expect(text).toMatch(/q quit +p pause$/);
  });

  test.each([
    [40, 24],
    [80, 24],
    [200, 24],
    [80, 10],
  ])('--handshake in %d columns, %d rows', async (columns, rows) => {
    const text = await frame(['--handshake'], columns, rows, /SYN to ACK, within/);
    expect(text).toMatch(/^all +80\.\d ms +81\.\d ms/m);
    expect(text).toMatch(/all, SYN to ACK, within 0\.8 %/);
    expect(text).toMatch(/^75 ms +█+ +30 +100 %$/m);
    expect(text).toMatch(/q quit +p pause +l next listener$/);
  });

  test('keys: the next listener, a pause', async () => {
    const text = await frame(['--handshake'], 80, 24, /SYN to ACK, within/, [
      ['l', /10\.9\.0\.1:443, SYN to ACK/],
      ['p', /PAUSED/],
    ]);
    expect(text).toMatch(/10\.9\.0\.1:443, SYN to ACK/);
    expect(text).toMatch(/p go on/);
  });
});
