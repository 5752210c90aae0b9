import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture, countLine, dropCapture } from './capture.js';
import { bash, named, onTerminal, run, start } from './command.js';

// `tcpsynq drops` on captures: the rows of test/terminal.md that need no module.

const CLOSED_PORT = 'tcp_v4_rcv+0x1f3 NO_SOCKET 10.9.0.1:81 198.18.0.9:1024 - SYN 40 - tcp';
const STACK = 'process_backlog+0x8a;tcp_v6_do_rcv+0x44;tcp_validate_incoming+0xe5';
const STRAY = `tcp_validate_incoming+0xe5 TCP_INVALID_SEQUENCE [fd00::1]:80 [fd00::2]:40001 ESTABLISHED PSH|ACK 532 ${STACK} tcp`;
const ARP = 'ip_rcv_core+0x1 IP_CSUM - - - - 98 - 0x0806';

/** Eight SYNs to a closed port in the first second, and two in the next; three others; a loss. */
const LINES = [
  ...Array.from({ length: 10 }, (_, i) => `D ${i < 8 ? i / 10 : (i + 2) / 10} ${CLOSED_PORT}`),
  `D 1.300000000 ${STRAY}`,
  `D 1.400000000 ${CLOSED_PORT.replace('NO_SOCKET', 'SOCKET_FILTER')}`,
  'L 2.100000000 D 5 5 18',
  `D 2.200000000 ${ARP}`,
];

let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-drops-'));
  file = join(directory, 'capture');
  await writeFile(file, dropCapture(4, LINES));
});

afterAll(() => rm(directory, { recursive: true }));

const rowsOf = (text: string) => text.trimEnd().split('\n');
const objectsOf = (text: string) => rowsOf(text).map((line) => JSON.parse(line));

describe('the table', () => {
  test('once at the end, by location, with the rates of the whole time', async () => {
    const { stdout, stderr, code } = await run(['drops', '-i', file]);
    expect(rowsOf(stdout)).toEqual([
      'drops/s  total  location                    reason                state        at_most',
      '    2.8     11  tcp_v4_rcv+0x1f3            2_reasons             -                 11',
      '    0.3      1  ip_rcv_core+0x1             IP_CSUM               -                  1',
      '    0.3      1  tcp_validate_incoming+0xe5  TCP_INVALID_SEQUENCE  ESTABLISHED        1',
      '# 2026-09-21T14:13:24.500Z drops 3.3/s, total 13, lost 5, not seen here: SYNs refused 10/s, 40 in all (see listeners)',
    ]);
    expect(rowsOf(stderr)).toEqual([
      'tcpsynq: lost 5 records of kind D, 5 in all',
      'tcpsynq: 13 drops in 4 s, lost 5, besides 40 SYNs refused (see listeners)',
    ]);
    expect(code).toBe(0);
  });

  test.each([
    ['reason', /total {2}reason +location +state +at_most\n +2\.5 +10 {2}NO_SOCKET +tcp_v4_rcv/],
    ['state', /total {2}state +reason +location +at_most\n +3 +12 {2}- +3_reasons +2_locations/],
    [
      'connection',
      /total {2}remote +local +reason.*\n +2\.8 +11 {2}198\.18\.0\.9:1024 +10\.9\.0\.1:81/,
    ],
  ])('--by %s', async (by, shows) => {
    const { stdout } = await run(['drops', '-i', file, '--by', by]);
    expect(stdout).toMatch(shows);
  });

  test('--interval: a table each time it has passed', async () => {
    const { stdout } = await run(['drops', '-i', file, '--interval', '1s']);
    const tables = stdout.trimEnd().split('\n\n');
    expect(tables.map((table) => rowsOf(table).at(-1))).toEqual([
      '# 2026-09-21T14:13:21.500Z drops 8/s, total 8, lost 0, not seen here: SYNs refused 10/s, 10 in all (see listeners)',
      '# 2026-09-21T14:13:22.500Z drops 4/s, total 12, lost 0, not seen here: SYNs refused 10/s, 20 in all (see listeners)',
      '# 2026-09-21T14:13:23.500Z drops 1/s, total 13, lost 5, not seen here: SYNs refused 10/s, 30 in all (see listeners)',
      '# 2026-09-21T14:13:24.500Z drops 0/s, total 13, lost 5, not seen here: SYNs refused 10/s, 40 in all (see listeners)',
    ]);
    expect(rowsOf(tables[2] ?? '')[1]).toMatch(/^ +1 +1 {2}ip_rcv_core/);
  });

  test('--json: an object an interval, and one for a loss', async () => {
    const { stdout } = await run(['drops', '-i', file, '--json']);
    const objects = objectsOf(stdout);
    expect(objects.map(({ event }) => event)).toEqual(['drops', 'drops', 'loss', 'drops', 'drops']);
    expect(objects[1]).toEqual({
      event: 'drops',
      time: '2026-09-21T14:13:22.500Z',
      stream_time: 2,
      seconds: 1,
      by: 'location',
      drops: 4,
      per_second: 4,
      total: 12,
      lost: 0,
      refused_syns: 20,
      refused_syns_per_second: 10,
      groups: [
        {
          location: 'tcp_v4_rcv+0x1f3',
          drops: 3,
          per_second: 3,
          total: 11,
          at_most: 11,
          reasons: ['NO_SOCKET', 'SOCKET_FILTER'],
          states: ['-'],
        },
        {
          location: 'tcp_validate_incoming+0xe5',
          drops: 1,
          per_second: 1,
          total: 1,
          at_most: 1,
          reasons: ['TCP_INVALID_SEQUENCE'],
          states: ['ESTABLISHED'],
        },
      ],
      left_out: { groups: 0, drops: 0, total: 0 },
      total_error: 0,
    });
    expect(objects[2]).toMatchObject({ event: 'loss', of: 'D', lost: 5, produced_total: 18 });
  });

  test('--json says how many groups it leaves out', async () => {
    const lines = Array.from({ length: 60 }, (_, i) => `D 0.5 here+0x${i} WHY - - - - - - tcp`);
    const { stdout } = await run(['drops', '-i', '-', '--json'], dropCapture(1, lines));
    const [first] = objectsOf(stdout);
    expect(first.groups).toHaveLength(50);
    expect(first.left_out).toEqual({ groups: 10, drops: 10, total: 10 });
  });

  test.each(['--json', '--interval 1s'])(
    '%s: an interval without drops costs the same whatever was counted before',
    async (options) => {
      const lines = Array.from({ length: 800 }, (_, i) => {
        const word = (text: string, n: number) => `${n}${text.repeat(1000)}`;
        return `D 0.5 ${word('l', i % 50)} ${word('r', i)} - - ${word('s', i)} - - - tcp`;
      });
      const { stdout } = await run(
        ['drops', '-i', '-', ...options.split(' ')],
        dropCapture(9, lines),
      );
      const size = (text: string) => text.length;
      const [first = 0, ...rest] = stdout
        .trimEnd()
        .split(/\n\n|(?<=\})\n/)
        .map(size);
      expect(first).toBeLessThan(250_000);
      expect(rest).toHaveLength(8);
      expect(Math.max(...rest)).toBeLessThan(500);
    },
  );

  test('--json waits for its reader: a hundred times the input does not fill the memory', async () => {
    const lines = Array.from(
      { length: 13_000 },
      (_, i) => `D ${i / 100} x+0x${i % 60} A - - - - - - tcp`,
    );
    const many = join(directory, 'many');
    await writeFile(many, dropCapture(1, lines));
    const { stdout, stderr, code } = await bash(
      `export NODE_OPTIONS=--max-old-space-size=32; $T drops -i ${many} --json --interval 10ms | wc -l; exit \${PIPESTATUS[0]}`,
    );
    expect(code, stderr).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(10_000);
  });

  test('columns in another order and appended, kernels without reasons', async () => {
    const columns = 'state colour time proto location later';
    const lines = ['D LISTEN red 0.5 tcp tcp_v4_rcv+0x1f3 7 more'];
    const { stdout } = await run(['drops', '-i', '-'], dropCapture(1, lines, columns));
    expect(stdout).toMatch(/\n +1 +1 {2}tcp_v4_rcv\+0x1f3 +- +LISTEN +1\n/);
  });

  test.each(
    named([
      [['--port', '81'], 11],
      [['--port', '40001'], 1],
      [['--addr', '198.18.0.0/16'], 11],
      [['--addr', 'fd00::/8'], 1],
      [['--proto', 'tcp'], 12],
      [['--proto', 'any'], 13],
      [['-n', '7'], 7],
      [['--port', '82'], 0],
    ]),
  )('`%s`', async (_line, args, drops) => {
    const { stdout, stderr, code } = await run(['drops', '-i', file, ...args]);
    expect(stdout).toMatch(new RegExp(` total ${drops}, `));
    expect(stderr).toContain(`tcpsynq: ${drops} drop${drops === 1 ? '' : 's'} in `);
    expect(code).toBe(0);
  });
});

describe('--each', () => {
  test('a header, then words with one space between', async () => {
    const { stdout, code } = await run(['drops', '-i', file, '--each']);
    const [header, ...rows] = rowsOf(stdout);
    expect(header).toBe('time location reason local remote state flags length proto');
    expect(rows).toHaveLength(13);
    expect(rows[0]).toBe(
      '2026-09-21T14:13:20.500000Z tcp_v4_rcv+0x1f3 NO_SOCKET 10.9.0.1:81 198.18.0.9:1024 - SYN 40 tcp',
    );
    expect(rows.at(-1)).toBe(
      '2026-09-21T14:13:22.700000Z ip_rcv_core+0x1 IP_CSUM - - - - 98 0x0806',
    );
    expect(code).toBe(0);
  });

  test('--stack: below each, the leaf first', async () => {
    const { stdout, stderr } = await run(['drops', '-i', file, '--each', '--stack']);
    expect(stdout).toMatch(
      / 532 tcp\n {8}tcp_validate_incoming\+0xe5\n {8}tcp_v6_do_rcv\+0x44\n {8}process_backlog\+0x8a\n2026/,
    );
    expect(stderr).not.toMatch(/no drop has a stack/);
    const args = ['drops', '-i', file, '--each', '--stack', '--port', '81'];
    const { stderr: without } = await run(args);
    expect(without).toMatch(
      /\ntcpsynq: no drop has a stack: record them with `tcpsynq capture --kinds count,drop --stack FILE`\n/,
    );
  });

  test('--json: an object a drop', async () => {
    const { stdout } = await run(['drops', '-i', file, '--each', '--json', '--addr', 'fd00::1']);
    expect(objectsOf(stdout)[0]).toEqual({
      event: 'drop',
      time: '2026-09-21T14:13:21.800000Z',
      stream_time: 1.3,
      location: 'tcp_validate_incoming+0xe5',
      reason: 'TCP_INVALID_SEQUENCE',
      local: '[fd00::1]:80',
      remote: '[fd00::2]:40001',
      state: 'ESTABLISHED',
      flags: 'PSH|ACK',
      length: 532,
      stack: STACK,
      proto: 'tcp',
    });
  });

  test('into head -1', async () => {
    const { stdout, stderr } = await bash(
      `$T drops -i ${file} --each | head -1; echo "$PIPESTATUS"`,
    );
    expect(stdout).toMatch(/^time .*\n0\n$/);
    expect(stderr).not.toMatch(/EPIPE/);
  });
});

describe('--alert', () => {
  test.each([
    ['table', []],
    ['--each', ['--each']],
    ['--json', ['--json']],
  ])('%s: a line at each change, and exit status 1', async (_, args) => {
    const { stderr, code } = await run(['drops', '-i', file, '--alert', '5', ...args]);
    expect(rowsOf(stderr)).toEqual([
      'tcpsynq: drops reached 8/s by 2026-09-21T14:13:21.500Z: --alert 5',
      'tcpsynq: drops fell to 4/s by 2026-09-21T14:13:22.500Z: --alert 5',
      'tcpsynq: lost 5 records of kind D, 5 in all',
      // One drop that was recorded, and five that were lost.
      'tcpsynq: drops reached 6/s by 2026-09-21T14:13:23.500Z: --alert 5',
      'tcpsynq: drops fell to 0/s by 2026-09-21T14:13:24.500Z: --alert 5',
      'tcpsynq: 13 drops in 4 s, lost 5, besides 40 SYNs refused (see listeners), --alert 5 was reached, at most 8/s',
    ]);
    expect(code).toBe(1);
  });

  test('never reached', async () => {
    const { stderr, code } = await run(['drops', '-i', file, '--alert', '9']);
    expect(stderr).not.toMatch(/--alert/);
    expect(code).toBe(0);
  });

  test('over another interval', async () => {
    const args = ['--each', '--alert', '5', '--interval', '2s'];
    const { stderr } = await run(['drops', '-i', file, ...args]);
    expect(rowsOf(stderr)[0]).toMatch(/ drops reached 6\/s by 2026-09-21T14:13:22\.500Z/);
  });

  test('as it happens, and at Ctrl-C', async () => {
    const path = join(directory, 'growing');
    await writeFile(path, dropCapture(1, LINES.slice(0, 8)));
    const started = start(['drops', '-i', path, '--follow', '--alert', '5', '--json']);
    await started.until(/"alert":true/);
    await appendFile(path, 'D 1.5 x+0x1 - - - - - - - tcp\nD 2.5 x+0x1 - - - - - - - tcp\n');
    await started.until(/"alert":false/);
    started.child.kill('SIGINT');
    const { stdout, stderr, code } = await started.ended();
    expect(objectsOf(stdout).map(({ drops }) => drops)).toEqual([8, 1, 1]);
    expect(stderr).toMatch(/reached 8\/s.*\n.*fell to 1\/s.*\n.*10 drops in 2\.5 s/);
    expect(code).toBe(1);
  });
});

describe('input', () => {
  test('lines that cannot be read are skipped and counted', async () => {
    const damaged = [...LINES.slice(0, 2), 'D 0.3 x+0x1 - - - - - many - tcp', 'D 0.4 torn'];
    const { stderr, code } = await run(['drops', '-i', '-'], dropCapture(0, damaged));
    expect(stderr).toMatch(/skipped line 13: length is not a whole number from 0 on\n/);
    expect(stderr).toMatch(/skipped 2 lines of standard input in all\n/);
    expect(stderr).toMatch(/tcpsynq: 2 drops in /);
    expect(code).toBe(0);
  });

  test('a capture without drops', async () => {
    const { stdout, stderr, code } = await run(['drops', '-i', '-'], capture(10, 5));
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'tcpsynq: standard input holds no drops: record them with `tcpsynq capture --kinds count,drop FILE`\n',
    );
    expect(code).toBe(1);
    const quiet = await run(['drops', '-i', '-'], dropCapture(2, []));
    expect(quiet.stderr).toMatch(/0 drops in 2 s/);
    expect(quiet.code).toBe(0);
  });

  test('a second load of the module: refusals before it are not compared with it', async () => {
    const text = dropCapture(2, LINES.slice(0, 3)) + dropCapture(1, LINES.slice(0, 2));
    const { stdout, stderr } = await run(['drops', '-i', '-'], text);
    expect(stdout).toMatch(/total 5, .* 30 in all/);
    expect(stderr).toMatch(/5 drops in 3 s/);
  });

  test('no module', async () => {
    const { stdout, stderr, code } = await run(['drops']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^tcpsynq: the tcpsynq module is not loaded: load it with .*\n$/);
    expect(code).toBe(1);
  });

  test.each(
    named([
      [['-i', 'proc'], /drops come from the module or a capture: -i proc has none/],
      [['--by', 'size'], /Allowed choices are location, reason, connection, state/],
      [['--each', '--by', 'state'], /--each and --by exclude each other/],
      [['--each', '--interval', '1s'], /--interval goes with a table/],
      [['--stack'], /--stack shows the stack of each/],
      [['--alert', '0'], /It takes a whole number from 1 on/],
      [['--proto', 'udp'], /Allowed choices are tcp, any/],
      [['-i', 'x', '--fwmark', '7'], /--fwmark has no meaning for a capture/],
      [['-i', 'x', '--for', '1s'], /--for has no meaning for a capture/],
      [['--for', '1'], /It takes a time from 0\.1s to 24d/],
      [['--speed', '2'], /--speed replays a capture/],
    ]),
  )('refuses `%s`', async (_line, args, why) => {
    const { stdout, stderr, code } = await run(['drops', ...args]);
    expect(stdout).toBe('');
    expect(stderr).toMatch(why);
    expect(code).toBe(2);
  });

  test('--for ends what has no end', async () => {
    const path = join(directory, 'endless');
    await writeFile(path, dropCapture(2, LINES.slice(0, 3)));
    const { stdout, code } = await run(['drops', '-i', path, '--follow', '--for', '500ms']);
    expect(stdout).toMatch(/ total 3, lost 0/);
    expect(code).toBe(0);
  });
});

describe.concurrent('terminal', () => {
  test.each([
    [40, 24],
    [80, 24],
    [200, 24],
    [80, 10],
  ])('%d columns, %d rows', async (columns, rows) => {
    const started = onTerminal(['drops', '-i', file], { columns, rows });
    const lines = await started.press('', /drops 3\.3\/s/);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    const text = lines.join('\n');
    expect(text).toMatch(/drops 3\.3\/s +total 13 +LOST 5/);
    expect(text).toMatch(/SYNs refused/);
    expect(text).toMatch(/2\.8 +11 +tcp_v4_rcv\+0x1f3/);
    expect(/TCP_INVALID_SEQUENCE +ESTABLISHED/.test(text)).toBe(columns >= 80);
    started.child.stdin?.write('q');
    const { stdout, code } = await started.ended();
    expect(stdout).toMatch(/\?1049l/);
    expect(stdout).toMatch(/13 drops in 4 s, lost 5/);
    expect(code).toBe(0);
  });

  test('keys: group, stop, reset, pause', async () => {
    const path = join(directory, 'live');
    await writeFile(path, dropCapture(1, LINES.slice(0, 8)));
    const started = onTerminal(['drops', '-i', path, '--follow'], { columns: 100, rows: 20 });
    await started.press('', /drops 8\/s +total 8/);
    await started.press('g', /--by reason.*TOTAL {2}REASON/s);
    await started.press('g', /--by connection.*TOTAL {2}REMOTE/s);
    await started.press('ggs', /--by location.*STOPPED.*s start/s);
    await appendFile(path, `D 1.5 ${ARP}\n${countLine(2, {})}\n`);
    await started.press('', /drops 0\/s +total 8 .*STOPPED/);
    await started.press('s', /s stop/);
    await appendFile(path, `D 2.5 ${ARP}\n${countLine(3, {})}\n`);
    await started.press('', /drops 1\/s +total 9/);
    await started.press('p', /PAUSED.*p go on/s);
    await started.press('r', /total 9/);
    await started.press('p', /drops -\/s +total 0/);
    started.child.stdin?.write('q');
    const { stdout, code } = await started.ended();
    expect(stdout).toMatch(/10 drops in 3 s/);
    expect(code).toBe(0);
  });

  test('--alert: on the screen, and when it is given back', async () => {
    const started = onTerminal(['drops', '-i', file, '--alert', '7'], { columns: 100, rows: 20 });
    await started.press('', /alert at 7\/s is over/);
    started.child.stdin?.write('q');
    const { stdout, code } = await started.ended();
    expect(stdout.split('?1049l').at(-1)).toMatch(/drops reached 8\/s.*drops fell to 4\/s/s);
    expect(code).toBe(1);
  });

  test('colour, and none with NO_COLOR', async () => {
    const size = { columns: 80, rows: 24 };
    const coloured = await onTerminal(['drops', '-i', file, '--each'], size).ended();
    expect(coloured.stdout).toContain('\u001b[33mNO_SOCKET');
    const plain = await onTerminal(['drops', '-i', file, '--each'], size, {
      NO_COLOR: '1',
    }).ended();
    expect(plain.stdout).not.toContain('\u001b');
  });

  test.each([40, 80, 200])('--each, %d columns: lines that fit', async (columns) => {
    const size = { columns, rows: 24 };
    const args = ['drops', '-i', file, '--each', '--stack'];
    const { stdout, code } = await onTerminal(args, size, { NO_COLOR: '1' }).ended();
    const lines = stdout.replaceAll('\r', '').trimEnd().split('\n');
    const drops = lines.filter((line) => !line.startsWith('tcpsynq:'));
    expect(drops).toHaveLength(1 + 13 + 3);
    expect(Math.max(...drops.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(drops[1]).toMatch(/tcp_v4_rcv\+0x1f3/);
    expect(code).toBe(0);
  });

  test('TERM=dumb: a table that fits, once', async () => {
    const size = { columns: 40, rows: 24 };
    const { stdout, code } = await onTerminal(['drops', '-i', file], size, {
      TERM: 'dumb',
    }).ended();
    const lines = stdout.replaceAll('\r', '').trimEnd().split('\n');
    const shown = lines.filter((line) => !line.startsWith('tcpsynq:'));
    expect(stdout).not.toContain('\u001b');
    expect(shown.join('\n')).toMatch(/2\.8 +11 {2}tcp_v4_rcv\+0x1f3/);
    expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(code).toBe(0);
  });
});
