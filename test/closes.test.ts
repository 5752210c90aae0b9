import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture, closeCapture } from './capture.js';
import { bash, named, onTerminal, run } from './command.js';

// `tcpsynq closes` on captures: the rows of test/terminal.md that need no module.

const WEB = '10.9.0.1:80';
const STACK = 'tcp_v4_do_rcv+0x44;tcp_rcv_state_process+0x5a1;tcp_done+0x30';

/** Three connections of a web server end with FIN, one with RST; two of another time out. */
const LINES = [
  `X 0.500000000 ${WEB} 198.18.0.1:4001 FIN_WAIT2 fin ${STACK}`,
  `X 0.600000000 ${WEB} 198.18.0.1:4002 LAST_ACK fin -`,
  `X 1.200000000 ${WEB} 198.18.0.2:4003 FIN_WAIT2 fin -`,
  `X 1.300000000 ${WEB} 198.18.0.2:4004 ESTABLISHED reset_received -`,
  'L 1.400000000 X 3 3 9',
  'X 2.500000000 [fd00::1]:22 [fd00::2]:4005 ESTABLISHED timeout -',
  'X 2.600000000 [fd00::1]:22 [fd00::2]:4006 ESTABLISHED timeout -',
];

let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-closes-'));
  file = join(directory, 'capture');
  await writeFile(file, closeCapture(3, LINES));
});

afterAll(() => rm(directory, { recursive: true }));

const rowsOf = (text: string) => text.trimEnd().split('\n');
const objectsOf = (text: string) => rowsOf(text).map((line) => JSON.parse(line));

describe('one by one', () => {
  test('a header, then words with one space between; the causes in the summary', async () => {
    const { stdout, stderr, code } = await run(['closes', '-i', file]);
    const [header, ...rows] = rowsOf(stdout);
    expect(header).toBe('time local remote state cause');
    expect(rows).toHaveLength(6);
    expect(rows[0]).toBe('2026-09-21T14:13:21.000000Z 10.9.0.1:80 198.18.0.1:4001 FIN_WAIT2 fin');
    expect(rowsOf(stderr)).toEqual([
      'tcpsynq: lost 3 records of kind X, 3 in all',
      'tcpsynq: 6 closes in 3 s, fin 3 (50 %), reset_received 1 (17 %), timeout 2 (33 %), lost 3',
    ]);
    expect(code).toBe(0);
  });

  test('--stack: below each, the leaf first', async () => {
    const { stdout } = await run(['closes', '-i', file, '--stack']);
    expect(rowsOf(stdout).slice(1, 5)).toEqual([
      expect.stringMatching(/FIN_WAIT2 fin$/),
      '        tcp_done+0x30',
      '        tcp_rcv_state_process+0x5a1',
      '        tcp_v4_do_rcv+0x44',
    ]);
  });

  test('--json: an object a close, and one for a loss', async () => {
    const { stdout } = await run(['closes', '-i', file, '--json']);
    const objects = objectsOf(stdout);
    expect(objects).toHaveLength(7);
    expect(objects[0]).toEqual({
      event: 'close',
      time: '2026-09-21T14:13:21.000000Z',
      stream_time: 0.5,
      local: WEB,
      remote: '198.18.0.1:4001',
      state: 'FIN_WAIT2',
      cause: 'fin',
      stack: STACK,
    });
    expect(objects[4]).toMatchObject({ event: 'loss', of: 'X', lost: 3 });
  });

  test.each(
    named([
      [['--cause', 'fin'], 3],
      [['--cause', 'timeout,reset_received'], 3],
      [['--cause', 'icmp'], 0],
      [['--port', '80'], 4],
      [['--addr', 'fd00::/64', '--cause', 'timeout'], 2],
      [['-n', '4'], 4],
    ]),
  )('`%s`', async (_line, args, closes) => {
    const { stdout, stderr, code } = await run(['closes', '-i', file, ...args]);
    expect(stdout === '' ? 0 : rowsOf(stdout).length - 1).toBe(closes);
    expect(stderr).toMatch(new RegExp(`tcpsynq: ${closes} closes? in `));
    expect(code).toBe(0);
  });

  test('a cause that is not known here is shown, and counted under other', async () => {
    const lines = [`X 0.5 ${WEB} 198.18.0.1:4001 ESTABLISHED boredom -`];
    const { stdout, stderr } = await run(['closes', '-i', '-'], closeCapture(1, lines));
    expect(stdout).toMatch(/ ESTABLISHED boredom\n$/);
    expect(stderr).toBe('tcpsynq: 1 close in 1 s, other 1 (100 %)\n');
  });

  test('into head -1', async () => {
    const { stdout } = await bash(`$T closes -i ${file} | head -1; echo "$PIPESTATUS"`);
    expect(stdout).toBe('time local remote state cause\n0\n');
  });
});

describe('the table', () => {
  test.each([
    ['cause', /^closes\/s {2}total {2}cause +state +at_most\n +1 +3 {2}fin +2_states +3\n/],
    ['state', /total {2}state +cause +at_most\n +1 +3 {2}ESTABLISHED +2_causes +3\n/],
    ['remote', /total {2}remote +cause +state.*\n.* {2}198\.18\.0\.1 +fin .*\n.*\n.* {2}fd00::2 /],
    ['local', /total {2}local +cause.*\n +1\.3 +4 {2}10\.9\.0\.1:80 +2_causes +3_states +4\n/],
  ])('--by %s', async (by, shows) => {
    const { stdout, code } = await run(['closes', '-i', file, '--by', by]);
    expect(stdout).toMatch(shows);
    expect(stdout).toMatch(/\n# 2026-09-21T14:13:23\.500Z closes 2\/s, total 6, lost 3\n$/);
    expect(code).toBe(0);
  });

  test('--json: an object an interval', async () => {
    const { stdout } = await run(['closes', '-i', file, '--by', 'cause', '--json']);
    const objects = objectsOf(stdout).filter(({ event }) => event === 'closes');
    expect(objects.map(({ closes, total }) => [closes, total])).toEqual([
      [2, 2],
      [2, 4],
      [2, 6],
    ]);
    expect(objects[2].groups[0]).toEqual({
      cause: 'timeout',
      closes: 2,
      per_second: 2,
      total: 2,
      at_most: 2,
      states: ['ESTABLISHED'],
    });
    expect(objects[2]).not.toHaveProperty('refused_syns');
  });
});

describe('input', () => {
  test('a capture without closes', async () => {
    const { stdout, stderr, code } = await run(['closes', '-i', '-'], capture(10, 5));
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'tcpsynq: standard input holds no closes: record them with `tcpsynq capture --kinds count,close FILE`\n',
    );
    expect(code).toBe(1);
  });

  test('no module', async () => {
    const { stdout, stderr, code } = await run(['closes']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^tcpsynq: the tcpsynq module is not loaded: load it with .*\n$/);
    expect(code).toBe(1);
  });

  test.each(
    named([
      [['-i', 'proc'], /closes come from the module or a capture: -i proc has none/],
      [['--by', 'reason'], /Allowed choices are cause, state, remote, local/],
      [['--cause', 'fin,dull'], /'fin,dull' is invalid.*some of fin,reset_received,reset_sent/],
      [['--interval', '1s'], /--interval goes with a table/],
      [['--stack', '--by', 'cause'], /--stack shows the stack of each/],
      [['--alert', '5'], /unknown option '--alert'/],
      [['-i', 'x', '--fwmark', '7'], /--fwmark has no meaning for a capture/],
    ]),
  )('refuses `%s`', async (_line, args, why) => {
    const { stdout, stderr, code } = await run(['closes', ...args]);
    expect(stdout).toBe('');
    expect(stderr).toMatch(why);
    expect(code).toBe(2);
  });
});

describe('terminal', () => {
  test.each([40, 80, 200])('%d columns: lines that fit', async (columns) => {
    const size = { columns, rows: 24 };
    const { stdout, code } = await onTerminal(['closes', '-i', file], size, {
      NO_COLOR: '1',
    }).ended();
    const lines = stdout.replaceAll('\r', '').trimEnd().split('\n');
    const closes = lines.filter((line) => !line.startsWith('tcpsynq:'));
    expect(closes).toHaveLength(7);
    expect(Math.max(...closes.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(closes[1]).toMatch(/198\.18\.0\.1:4001 .*fin$/);
    expect(/FIN_WAIT2/.test(closes[1] ?? '')).toBe(columns > 40);
    expect(code).toBe(0);
  });

  test('colour', async () => {
    const size = { columns: 80, rows: 24 };
    const { stdout } = await onTerminal(['closes', '-i', file], size).ended();
    expect(stdout).toContain('\u001b[32mfin');
    expect(stdout).toContain('\u001b[31mtimeout');
  });

  test('--by: a screen', async () => {
    const size = { columns: 40, rows: 12 };
    const started = onTerminal(['closes', '-i', file, '--by', 'cause'], size);
    const lines = await started.press('', /closes 2\/s/);
    expect(lines).toHaveLength(12);
    expect(lines.join('\n')).toMatch(/LOST 3\n.*TOTAL {2}CAUSE +STATE\n +1 +3 {2}fin +2 states/);
    expect(lines.join('\n')).not.toMatch(/SYNs/);
    started.child.stdin?.write('q');
    expect((await started.ended()).code).toBe(0);
  });
});
