import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, LineTally } from '../../src/source/lines.js';
import { MAX_LINE } from '../../src/stream/parser.js';
import { type Item, readBatches, StreamReader } from '../../src/stream/reader.js';
import { Row } from '../../src/stream/row.js';
import { countLine } from '../capture.js';

const START = { starts: true };

/** Return everything that a reader gives for these chunks, as plain values. */
function scan(...given: (string | Buffer | ((row: Row) => unknown))[]) {
  const told: unknown[] = [];
  const ofRow = given.find((one) => typeof one === 'function') ?? plain;
  const reader = new StreamReader();
  const take = (batches: ReturnType<StreamReader['end']>) => {
    for (const batch of batches) {
      expect(batch.header).toBe(reader.header);
      if (batch.starts) {
        told.push(START);
      }
      batch.to({
        begin: (start) => expect(start).toBe(batch),
        take: (item) => told.push(item instanceof Row ? ofRow(item) : item),
      });
    }
  };
  for (const chunk of given) {
    if (typeof chunk !== 'function') {
      take(reader.push(Buffer.from(chunk as string)));
    }
  }
  take(reader.end());
  return { told, reader };
}

/** Return everything that is reported when these chunks are read as live lines. */
async function live(chunks: readonly Buffer[]) {
  const tally = new LineTally();
  const records: unknown[] = [];
  for await (const event of decode(Readable.from(chunks), new AbortController().signal, tally)) {
    if (event.type === 'count') {
      records.push(event.count);
    } else if (event.type === 'loss') {
      records.push(event.loss);
    }
  }
  return { tally, records };
}

function plain(row: Row) {
  return {
    kind: row.kind,
    tcpProbe: row.tcpProbe,
    time: row.time,
    fields: Object.fromEntries(row.columns.names.map((name, i) => [name, row.text(i)])),
  };
}

const ADDED = 'A 1.000000001 10.9.0.1:80 198.18.0.1:1024 512 129';
const REMOVED = 'R 2.5 [fd09::1]:80 [2001:db8::1]:1024 3 completed 1500250 2';
const OLD =
  '0.084533156 10.0.0.10:5001 10.0.0.1:43110 32 0x1c2e4a8 0x1c2e4a8 10 2147483647 57344 37';

describe('rows', () => {
  test('by their published columns where there is no header', () => {
    const { told } = scan(`${ADDED}\n${REMOVED}\n`);
    expect(told).toMatchObject([
      { kind: 'A', time: 1.000000001, fields: { local: '10.9.0.1:80', qlen: '512', limit: '129' } },
      { kind: 'R', time: 2.5, fields: { outcome: 'completed', age_us: '1500250', synacks: '2' } },
    ]);
  });

  test('by the header in force, which a new header ends', () => {
    const header = '# A colour time qlen\nA red 3.25 7 later\n# tcpsynq 1\n';
    const { told } = scan(`${header}${ADDED}\n`);
    expect(told).toMatchObject([
      { kind: 'A', time: 3.25, fields: { colour: 'red', qlen: '7' } },
      START,
      { kind: 'A', fields: { local: '10.9.0.1:80' } },
    ]);
  });

  test.each(['## tcpsynq 1', '#tcpsynq 1', '#x A colour'])(
    'not by other comments: %s',
    (comment) => {
      const { told } = scan(`${ADDED}\n${comment}\n${ADDED}\n`);
      expect(told).toMatchObject([{ kind: 'A' }, { kind: 'A', fields: { qlen: '512' } }]);
    },
  );

  test("of tcp_probe's own logs, with and without rcv_wnd", () => {
    const { told } = scan(`${OLD}\n${OLD} 65535\n`);
    expect(told).toMatchObject([
      { kind: 'S', tcpProbe: true, time: 0.084533156, fields: { snd_cwnd: '10', rcv_wnd: '' } },
      { kind: 'S', tcpProbe: true, fields: { srtt_us: '37', rcv_wnd: '65535' } },
    ]);
  });

  test('numbers and times', () => {
    const { told } = scan(
      '# A time a b c d e f\nA 0.000000001 -7 0xfFf 9007199254740991 x 1.5 -\n',
      (row) => row.columns.names.map((_, i) => [row.number(i), row.seconds(i)]),
    );
    expect(told).toEqual([
      [
        [Number.NaN, 1e-9],
        [-7, Number.NaN],
        [4095, Number.NaN],
        [9007199254740991, Number.NaN],
        [Number.NaN, Number.NaN],
        [Number.NaN, 1.5],
        [Number.NaN, Number.NaN],
      ],
    ]);
  });

  test.each(['0x@', '0x`', '0x1`', '-0x10', '0x', '0x/', '0xg', '0x1:'])(
    'is no hexadecimal number: %s',
    (digits) => {
      const { told } = scan(`${ADDED.replace(' 512 ', ` ${digits} `)}\n`, (row) => row.number(3));
      expect(told).toEqual([Number.NaN]);
    },
  );

  test.each([
    ['0xa', 10],
    ['0x9', 9],
    ['0xAbC', 0xabc],
    ['0x10', 16],
  ])('is a hexadecimal number: %s', (digits, value) => {
    const { told } = scan(`${ADDED.replace(' 512 ', ` ${digits} `)}\n`, (row) => row.number(3));
    expect(told).toEqual([value]);
  });

  test.each(['é', '日本', '\u00a0', '\u07ff', '\u{1f600}'])('text in UTF-8 is read: %s', (word) => {
    const { told } = scan(`${ADDED.replace('10.9.0.1:80', word)}\n${ADDED}\n`);
    expect(told).toMatchObject([{ kind: 'A' }, { kind: 'A' }]);
  });

  test.each(['9007199254740992', '0x20000000000000', '9'.repeat(400), `0x${'f'.repeat(400)}`])(
    'a number above 2^53 is none: %#',
    (digits) => {
      const { told } = scan(`${ADDED.replace(' 512 ', ` ${digits} `)}\n`, (row) => row.number(3));
      expect(told).toEqual([Number.NaN]);
    },
  );

  const COUNT = countLine(1, { half_open: 5 });

  test.each([
    ['tabs', (line: string) => line.replaceAll(' ', '\t')],
    ['double spaces', (line: string) => line.replaceAll(' ', '  ')],
    [
      'blanks of all kinds, at the ends too',
      (line: string) => ` \t${line.replaceAll(' ', '\t \t')} \t\r`,
    ],
  ])('of any kind are separated by any run of blanks: %s', (_what, blanked) => {
    const lines = ['# tcpsynq 1', '# A time local remote qlen limit', COUNT, ADDED, REMOVED, OLD];
    const loss = 'L 2.0 A 5 7 100';
    const plainly = [...lines, loss].map((line) => `${line}\n`).join('');
    const blankly = [...lines, loss].map((line) => `${blanked(line)}\n`).join('');
    expect(scan(blankly).told).toEqual(scan(plainly).told);
    expect(scan(plainly).told).not.toContainEqual(expect.objectContaining({ kind: '!' }));
  });
});

test.each([[OLD], [ADDED], ['# kernel x'], ['x']])('a blank line after %j\\r is blank', (line) => {
  const { told, reader } = scan(`${line}\r\n\r\n \r\n`);
  expect(told).toHaveLength(line.startsWith('#') ? 0 : 1);
  expect(reader.lines).toBe(3);
});

describe('unreadable lines are skipped, counted and located', () => {
  test.each([
    ['too few columns', 'A 1.0 10.9.0.1:80\n', '2 columns where there should be 5'],
    ['no time', 'A now 10.9.0.1:80 1.2.3.4:5 1 2\n', 'time is not seconds.nanoseconds'],
    ['no record', 'hello\n', 'not a record: it does not start with a one-letter kind'],
    ['a long line', `A ${'x'.repeat(MAX_LINE)}\n`, `longer than ${MAX_LINE} characters`],
    ['a time of 400 digits', `A ${'9'.repeat(400)}.5 10.9.0.1:80 1.2.3.4:5 1 2\n`, 'time is not'],
    ['a time without digits after its point', 'A 1. 10.9.0.1:80 1.2.3.4:5 1 2\n', 'time is not'],
    ['control characters', 'A 1.0 10.9.0.1:80 \u001b[31m 1 2\n', 'it holds control characters'],
    ['DEL', 'A 1.0 10.9.0.1:80 x\u007f 1 2\n', 'it holds control characters'],
    ['C1', 'A 1.0 10.9.0.1:80 \u009b31m 1 2\n', 'it holds control characters'],
    ['C1 in a count', countLine(1, {}).concat(' \u009b31m\n'), 'it holds control characters'],
    ['a cut end', ADDED.slice(0, -1), 'the last line has no end: was it cut?'],
  ])('%s', (_what, text, reason) => {
    const { told, reader } = scan(`${ADDED}\n${text}`);
    expect(told[1]).toEqual({ kind: '!', line: 2, reason: expect.stringContaining(reason) });
    expect(told).toHaveLength(2);
    expect(reader.lines).toBe(2);
  });

  test('megabytes without a line end take no memory and are one problem', () => {
    const garbage = Buffer.alloc(1 << 20, 0xa5);
    const { told, reader } = scan(garbage, garbage, `\n${ADDED}\n`, garbage);
    expect(told).toMatchObject([{ kind: '!', line: 1 }, { kind: 'A' }, { kind: '!', line: 3 }]);
    expect(reader.lines).toBe(3);
    // A second end reports nothing.
    expect([...reader.end()]).toEqual([]);
  });
});

describe('any input', () => {
  const line = fc.oneof(
    fc.constantFrom(ADDED, REMOVED, OLD, countLine(1, { half_open: 5 }), '# tcpsynq 1', '', '\r'),
    fc.constantFrom('# R time outcome', '# clock_offset 1.5', '# clock_offset x', '# tcpsynq 2'),
    fc
      .constantFrom('A', 'C', 'L', 'D', '#', '1')
      .chain((first) =>
        fc
          .array(fc.constantFrom(' ', '  ', '\t', '\r', '1.5', '9'.repeat(30), 'x', '\u0001', 'é'))
          .map((words) => first + words.join('')),
      ),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .constantFrom('A', 'R', 'S')
      .chain((kind) => fc.string().map((rest) => `${kind} 1.5 ${rest}`)),
  );
  const input = fc
    .array(line, { maxLength: 30 })
    .chain((lines) =>
      fc
        .tuple(fc.constantFrom('\n', '\r\n'), fc.boolean())
        .map(([end, isWhole]) => Buffer.from(lines.join(end) + (isWhole ? end : ''))),
    );

  const cutAnywhere = fc.array(fc.nat(), { maxLength: 20 });
  const piecesOf = (bytes: Buffer, cuts: readonly number[]) => {
    const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
    return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
  };

  test('it is the same in pieces as in one', () => {
    fc.assert(
      fc.property(input, cutAnywhere, (bytes, cuts) => {
        expect(scan(...piecesOf(bytes, cuts)).told).toEqual(scan(bytes).told);
      }),
    );
  });

  test('it is the same when the taker ends batches', () => {
    fc.assert(
      fc.property(input, fc.infiniteStream(fc.boolean()), (bytes, ends) => {
        const seen: unknown[] = [];
        const reader = new StreamReader();
        const taker = {
          begin: ({ starts }: { starts: boolean }) => starts && seen.push(START),
          take(item: Item) {
            seen.push(item instanceof Row ? plain(item) : item);
            return ends.next().value;
          },
        };
        for (const batches of [reader.push(bytes), reader.end()]) {
          for (const batch of batches) {
            batch.to(taker);
          }
        }
        expect(seen).toEqual(scan(bytes).told);
      }),
    );
  });

  test('live lines in pieces give the same records and problems as the whole', async () => {
    const bytesOrLines = fc.oneof(
      input,
      fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(bytesOrLines, cutAnywhere, async (bytes, cuts) => {
        const { tally, records } = await live(piecesOf(bytes, cuts));
        const items = scan(bytes).told as Item[];
        const problems = items.filter((item) => item.kind === '!');
        expect(records).toEqual(items.filter(({ kind }) => kind === 'C' || kind === 'L'));
        const [first] = problems;
        expect(tally).toMatchObject({
          records: records.length,
          problems: { count: problems.length },
        });
        const words = first === undefined ? null : `line ${first.line}: ${first.reason}`;
        expect(tally.problems.words).toBe(words);
      }),
    );
  });

  test('it does not throw, and every line is accounted for', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (garbage) => {
        const bytes = Buffer.from(garbage);
        const { told, reader } = scan(bytes);
        const lines = bytes.toString('latin1').split('\n');
        const whole = bytes.length === 0 || bytes.at(-1) === 10 ? lines.slice(0, -1) : lines;
        expect(reader.lines).toBe(whole.length);
        // A last line without a line end is a problem, even if it is blank.
        const isCut = (i: number) => i === lines.length - 1;
        const said = whole.filter((line, i) => isCut(i) || !/^[ \t\r]*$/.test(line));
        const plain = said.filter((line) => !/^[ \t\r]*#/.test(line));
        const items = told.filter((item) => item !== START);
        expect(items.length).toBeGreaterThanOrEqual(plain.length);
        expect(items.length).toBeLessThanOrEqual(said.length);
      }),
    );
  });
});

test('a signal is handled within a chunk that takes long to process', async () => {
  const stop = new AbortController();
  const chunk = Buffer.from(`# tcpsynq 1\n${countLine(1, {})}\n`.repeat(10_000));
  setTimeout(() => stop.abort(), 0);
  let batches = 0;
  for await (const _ of readBatches(Readable.from([chunk]), stop.signal)) {
    batches += 1;
    const before = performance.now();
    while (performance.now() - before < 30) {
      // Processing this batch takes 30 ms.
    }
  }
  expect(batches).toBeLessThan(20);
});
