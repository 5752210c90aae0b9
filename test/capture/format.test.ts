import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeFormat } from '../../src/capture/format.js';
import type { FormatName } from '../../src/capture/names.js';
import { MAX_LINE } from '../../src/stream/parser.js';
import { capture, countLine } from '../capture.js';

const ADDED = 'A 1.000000001 10.9.0.1:80 198.18.0.1:1024 512 129';
const REMOVED = 'R 2.5 [fd09::1]:80 [2001:db8::1]:1024 3 completed 1500250 2';
const LOST = 'L 3.25 A 7 7 19';
const DROPPED =
  'D 3.5 tcp_v4_rcv+0x1f3 NO_SOCKET 10.9.0.1:81 198.18.0.1:1024 - SYN 40 ip_rcv+0x1;tcp_v4_rcv+0x1f3 tcp';
const CLOSED = 'X 3.75 10.9.0.1:80 198.18.0.1:1024 FIN_WAIT2 fin -';
const SAMPLE =
  'S 0.25 10.0.0.10:5001 10.0.0.1:43110 32 0x1c2e4a8 0x1c2e4a8 10 2147483647 57344 37 65535';
const HEADER = capture(0, 0).replace(/^[^#].*\n/gm, '');
const lines = (...of: string[]) => of.map((line) => `${line}\n`).join('');

/** Return the output of a format for these chunks, and the format with its counts. */
function make(
  name: FormatName,
  chunks: readonly (string | Buffer)[],
  {
    letters = null,
    limit = Number.POSITIVE_INFINITY,
  }: { letters?: string | null; limit?: number } = {},
) {
  const format = makeFormat(name, letters, limit);
  const pieces = [...chunks.flatMap((chunk) => [...format.push(Buffer.from(chunk as string))])];
  pieces.push(...format.end());
  const [first] = pieces;
  const before = first === undefined || first.start ? '' : String(first.header);
  return { text: before + pieces.map(({ bytes }) => String(bytes)).join(''), pieces, format };
}

function cut(text: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...[...places].sort((a, b) => a - b), text.length];
  return at.slice(1).map((end, i) => text.subarray(at[i], end));
}

const places = (length: number) => fc.array(fc.integer({ min: 0, max: length }), { maxLength: 8 });

describe('raw', () => {
  const whole = `${HEADER}${lines(countLine(1, {}), ADDED, REMOVED, LOST)}${HEADER}${lines(ADDED)}`;

  test('is the bytes as they come, wherever they are cut', () => {
    const bytes = Buffer.from(whole);
    fc.assert(
      fc.property(places(bytes.length), (at) => {
        const { text, format, pieces } = make('raw', cut(bytes, at));
        expect(text).toBe(whole);
        expect(format.tally).toMatchObject({ records: 4, lost: 7, problems: { count: 0 } });
        for (const { bytes: piece } of pieces) {
          expect(piece.at(-1)).toBe(0x0a);
        }
      }),
    );
  });

  test('comments outside a header are copied, and not kept', () => {
    const comments = Array.from({ length: 20_000 }, (_, i) => `# a${i}\nA 1\n`).join('');
    const { text, pieces } = make('raw', [`${HEADER}${comments}`]);
    expect(text).toBe(`${HEADER}${comments}`);
    expect(pieces).toHaveLength(1);
    expect(String(pieces[0]?.header)).toBe(HEADER);
  });

  test('a header of any size takes little memory', () => {
    const letters = [...'ABCDEFGHIJ'].map((letter) => `# ${letter} ${'x'.repeat(2000)}\n`).join('');
    const epochs = `${HEADER}${letters}A 1\n`.repeat(200);
    const { text, pieces } = make('raw', [epochs]);
    expect(text).toBe(epochs);
    for (const { header } of pieces) {
      expect(header.length).toBeLessThanOrEqual(8192);
    }
  });

  test('each piece has the header in force at its start', () => {
    const other = HEADER.replace('port=', '').replace('4026531840', '4026532176');
    const changed = '# filter kinds=event\n';
    const { pieces } = make('raw', [`${HEADER}${ADDED}\n${changed}${ADDED}\n${other}${ADDED}\n`]);
    expect(pieces.map(({ header }) => String(header))).toEqual([
      HEADER,
      HEADER.replace(/# filter.*\n/, changed),
      other,
    ]);
    expect(pieces.map(({ start }) => start)).toEqual([true, false, true]);
  });

  test('a last line without an end is left out, and reported', () => {
    const { text, format } = make('raw', [lines(ADDED), 'A 2.0 10.9']);
    expect(text).toBe(lines(ADDED));
    expect(format.tally).toMatchObject({ records: 1, problems: { count: 1 } });
    expect(format.tally.problems.words).toMatch(/^line 2: the last line has no end/);
  });

  test('records and losses are counted whatever blanks are between their fields', () => {
    const blanked = lines(countLine(1, {}), ADDED, LOST).replaceAll(' ', '\t  ');
    const { text, format } = make('raw', [blanked, ` ${ADDED}\r\n \r\n`]);
    expect(text).toBe(`${blanked} ${ADDED}\r\n \r\n`);
    expect(format.tally).toMatchObject({ records: 3, lost: 7, problems: { count: 0 } });
  });

  test('a stream of a later format is copied, and reported', () => {
    const { text, format } = make('raw', [lines('# tcpsynq 2', ADDED)]);
    expect(text).toBe(lines('# tcpsynq 2', ADDED));
    expect(format.tally.problems.words).toMatch(
      /^line 1: format version 2; .* install a newer one$/,
    );
  });

  test('a line of megabytes is skipped in bounded memory', () => {
    const long = Array.from({ length: 300 }, () => 'x'.repeat(MAX_LINE / 8));
    const { text, format } = make('raw', [lines(ADDED), ...long, '\n', lines(REMOVED)]);
    expect(text).toBe(lines(ADDED, REMOVED));
    expect(format.tally).toMatchObject({ records: 2, problems: { count: 1 } });
  });

  test('never throws, and hands on only whole lines of the input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), places(400), (bytes, at) => {
        const input = Buffer.from(bytes);
        const { pieces } = make(
          'raw',
          cut(
            input,
            at.filter((place) => place <= input.length),
          ),
        );
        const out = Buffer.concat(pieces.map((piece) => piece.bytes));
        expect(out.equals(input.subarray(0, input.lastIndexOf(0x0a) + 1))).toBe(true);
      }),
    );
  });

  test('stops after N records', () => {
    for (const chunks of [[whole], cut(Buffer.from(whole), [HEADER.length + 300])]) {
      const { text, format } = make('raw', chunks, { limit: 2 });
      expect(text).toBe(`${HEADER}${lines(countLine(1, {}), ADDED)}`);
      expect(format.full).toBe(true);
    }
  });

  test("the losses of a tap with format=tcpprobe are counted, which its header's are not", () => {
    const { format } = make('raw', [`${HEADER}# L 3.0 S 4 4 9\n${SAMPLE.slice(2)}\n`]);
    expect(format.tally).toMatchObject({ records: 1, lost: 4, problems: { count: 0 } });
  });
});

describe('tcpprobe', () => {
  test("is tcp_probe's eleven columns and nothing else, losses only summed up", () => {
    const appended = `${SAMPLE} 3 4 5 6 7 8 9 10 11 12 13 14 0 cubic 77 rcv`;
    const { text, format } = make('tcpprobe', [HEADER, lines(appended, ADDED, LOST)]);
    expect(text).toBe(`${SAMPLE.slice(2)}\n`);
    expect(format.tally).toMatchObject({ records: 1, lost: 7 });
  });

  test('finds its columns by name', () => {
    const header =
      '# S hook local time remote length snd_nxt snd_una snd_cwnd ssthresh snd_wnd srtt_us rcv_wnd\n';
    const [, time, local, ...rest] = SAMPLE.split(' ');
    const { text } = make('tcpprobe', [header, `S rcv ${local} ${time} ${rest.join(' ')}\n`]);
    expect(text).toBe(`${SAMPLE.slice(2)}\n`);
  });

  test.each([/ \d+$/, / \d+ \d+$/])('copies an old log unchanged: without %s', (missing) => {
    const old = `${SAMPLE.slice(2).replace(missing, '')}\n`;
    const { text, format } = make('tcpprobe', [old]);
    expect(text).toBe(old);
    expect(format.tally.problems.count).toBe(0);
  });
});

describe('csv', () => {
  test('one row of columns, both kinds of an event under it, losses in their place', () => {
    const { text } = make('csv', [HEADER, lines(ADDED, countLine(2, {}), REMOVED, LOST)], {
      letters: 'AR',
    });
    expect(text).toBe(
      lines(
        'kind,time,local,remote,qlen,limit,win,ttl,ipid,len,mss,wscale,opts,outcome,age_us,synacks,records_lost',
        'A,1790000001.123456718,10.9.0.1:80,198.18.0.1:1024,512,129,,,,,,,,,,,',
        'R,1790000002.623456717,[fd09::1]:80,[2001:db8::1]:1024,3,,,,,,,,,completed,1500250,2,',
        'L,1790000003.373456717,,,,,,,,,,,,,,,7',
      ),
    );
  });

  test('drops and closes, each with their columns', () => {
    const drops = make('csv', [HEADER, lines(DROPPED, CLOSED, 'L 4.0 D 2 2 3')], { letters: 'D' });
    expect(drops.text).toBe(
      lines(
        'kind,time,location,reason,local,remote,state,flags,length,stack,proto,records_lost',
        'D,1790000003.623456717,tcp_v4_rcv+0x1f3,NO_SOCKET,10.9.0.1:81,198.18.0.1:1024,-,SYN,40,ip_rcv+0x1;tcp_v4_rcv+0x1f3,tcp,',
        'L,1790000004.123456717,,,,,,,,,,2',
      ),
    );
    const closes = make('csv', [HEADER, lines(DROPPED, CLOSED)], { letters: 'X' });
    expect(closes.text).toBe(
      lines(
        'kind,time,local,remote,state,cause,stack,records_lost',
        'X,1790000003.873456717,10.9.0.1:80,198.18.0.1:1024,FIN_WAIT2,fin,-,',
      ),
    );
  });

  test('counts', () => {
    const { text } = make('csv', [lines(countLine(1, { half_open: -3 }))], { letters: 'C' });
    const [columns, row] = text.split('\n').map((line) => line.split(','));
    expect(columns?.slice(0, 3)).toEqual(['kind', 'time', 'half_open']);
    expect(row?.slice(0, 3)).toEqual(['C', '1.000000000', '-3']);
    expect(row?.length).toBe(columns?.length);
  });

  test('quotes characters that would end a field', () => {
    const { text } = make('csv', ['A 1.0 a,b "c" 1 2\n'], { letters: 'A' });
    expect(text.split('\n')[1]).toMatch(/^A,1.000000000,"a,b","""c""",1,2,/);
  });

  test('a column named like a property of every object is empty in a count', () => {
    const header = HEADER.replace(/^# C .*$/m, '# C time half_open constructor __proto__');
    const { text } = make('csv', [header, 'C 1.0 5 6 7\n'], { letters: 'C' });
    expect(text).not.toContain('function');
  });

  test('has the row of columns once, though there are two streams', () => {
    const { text } = make('csv', [HEADER, lines(ADDED), HEADER, lines(ADDED)], { letters: 'A' });
    expect(text.match(/kind/g)).toHaveLength(1);
    expect(text.split('\n')).toHaveLength(4);
  });
});

describe('ndjson', () => {
  const parse = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  test('a column called kind does not hide the kind', () => {
    const header = HEADER.replace(/^(# A .*)$/m, '$1 kind');
    const { text } = make('ndjson', [header, `${ADDED} X\n`]);
    expect(parse(text).at(-1)).toMatchObject({ kind: 'A' });
  });

  test('an object a line, the first of the stream itself', () => {
    const { text } = make('ndjson', [HEADER, lines(countLine(1, { half_open: 5 }), ADDED, LOST)]);
    expect(parse(text)).toMatchObject([
      { kind: '#', version: 1, netns: '4026531840', filter: { kinds: 'count' } },
      { kind: 'C', time: 1790000001.1234567, half_open: 5, lost: 0 },
      { kind: 'A', local: '10.9.0.1:80', qlen: 512, limit: 129 },
      { kind: 'L', of: 'A', lost: 7, lost_total: 7, produced_total: 19 },
    ]);
  });

  test('a new stream has a new object, and its own clock', () => {
    const later = HEADER.replace('1790000000.', '1790000100.');
    const { text, pieces } = make('ndjson', [`${HEADER}${ADDED}\n${later}${ADDED}\n`]);
    expect(parse(text).map(({ kind, time }) => [kind, Math.floor(time)])).toEqual([
      ['#', Number.NaN],
      ['A', 1790000001],
      ['#', Number.NaN],
      ['A', 1790000101],
    ]);
    expect(pieces.map(({ start }) => start)).toEqual([false, true]);
  });

  test('drops and closes: text that looks like a number stays text', () => {
    const numbered = DROPPED.replace(/tcp$/, '47').replace(' SYN ', ' 0 ');
    const { text } = make('ndjson', [lines(numbered, CLOSED)]);
    expect(parse(text).slice(1)).toMatchObject([
      { kind: 'D', location: 'tcp_v4_rcv+0x1f3', flags: '0', length: 40, proto: '47' },
      { kind: 'X', state: 'FIN_WAIT2', cause: 'fin', stack: '-' },
    ]);
  });

  test('numbers keep every digit; other values are text', () => {
    const full = `${SAMPLE} 3 4 5 6 7 8 9 10 1460 18446744073709551615 007 14 0 cubic 9007199254740993 rcv`;
    const { text } = make('ndjson', [lines(full)]);
    expect(text).toContain('"pacing_rate":18446744073709551615,');
    expect(text).toContain('"delivery_rate":"007"');
    expect(text).toContain('"cookie":"9007199254740993"');
    expect(text).toContain('"snd_nxt":"0x1c2e4a8"');
  });

  test('is JSON for any input', () => {
    const words = fc.array(fc.string({ unit: 'binary', maxLength: 9 }), { maxLength: 9 });
    fc.assert(
      fc.property(fc.array(words, { maxLength: 3 }), (rows) => {
        const { text } = make('ndjson', [rows.map((row) => `A 1.5 ${row.join(' ')}\n`).join('')]);
        if (text !== '') {
          parse(text);
        }
      }),
    );
  });
});

describe('short lines that become long ones', () => {
  const columns = Array.from({ length: 255 }, (_, i) => `c${i}`).join(' ');

  test.each([
    ['ndjson', `# D time ${'n'.repeat(64)}\n${'D 1 x\n'.repeat(80_000)}`],
    ['csv', `# A time ${columns}\n# R time o\n${'R 1 x\n'.repeat(4000)}`],
  ] as const)('are made a few at a time: %s', (format, text) => {
    const pieces = makeFormat(format, 'ADR', 1e9).push(Buffer.from(text));
    let [most, all] = [0, 0];
    for (const { bytes } of pieces) {
      most = Math.max(most, bytes.length);
      all += bytes.length;
    }
    expect(all).toBeGreaterThan(1e6);
    expect(most).toBeLessThan(512 * 1024);
  });
});
