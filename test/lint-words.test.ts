// lab/lint-words.mjs reports the words of its table in the prose of added lines, and no others.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = resolve('lab/lint-words.mjs');
let dir = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tcpsynq-words-'));
  execFileSync('git', ['init', '--quiet', dir]);
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(dir, file)), { recursive: true });
  writeFileSync(join(dir, file), text);
}

/** Write files before and after a change, and return the places found: FILE:LINE: WORD. */
function found(before: Record<string, string>, after: Record<string, string>): string[] {
  for (const file of Object.keys(after)) write(file, before[file] ?? '');
  for (const [file, text] of Object.entries(before)) write(file, text);
  execFileSync('git', ['-C', dir, 'add', '.']);
  for (const [file, text] of Object.entries(after)) write(file, text);
  const diff = execFileSync('git', ['-C', dir, 'diff', '-U0']);
  const { status, stderr } = spawnSync('node', [script], {
    cwd: dir,
    input: diff,
    encoding: 'utf8',
  });
  const places = [...stderr.matchAll(/^(\S+:\d+: [^:\n]+): /gm)].map(([, place]) => place ?? '');
  expect(status).toBe(places.length > 0 ? 1 : 0);
  return places;
}

test('prose is the comments of code, and all of a document but its code', () => {
  expect(
    found(
      {},
      {
        'a.c': 'int ours; // of late\n/* two\n lines let it go */ char *s = "anew"; /* anew */\n',
        'b.ts': "const a = 'nobody // ours';\nconst b = `\nof late // ours\n`; // nobody's\n",
        'c.sh': '#!/bin/bash\necho ours $# # it goes by this\n',
        'd.md': 'The word `ours` is code, [this](ours.md) a link.\n```\nours\n```\nOurs is not.\n',
        'man/e.4': '.Sh NAME\nfor want of memory\n',
        'f.json': '"ours"\n',
      },
    ),
  ).toEqual([
    'a.c:1: of late',
    'a.c:3: anew',
    'a.c:3: let it go',
    'b.ts:4: nobody',
    'c.sh:2: goes by',
    'd.md:5: Ours',
    'man/e.4:2: want of',
  ]);
});

test('lines that were there before do not count, wherever they moved', () => {
  const before = { 'a.c': '/* of late */\nint a;\n', 'b.md': 'anew\n' };
  const after = {
    'a.c': 'int a;\n',
    'b.md': 'anew\nmore\n',
    'c.c': '\t/* of late */\n/* anew */\n',
  };
  expect(found(before, after)).toEqual(['c.c:2: anew']);
});

test('ordinary English passes', () => {
  const lines = [
    'The listener had two queues, and had been closed.',
    'A socket cannot have met its peer, and it cannot have two names.',
    'RTT stands for round-trip time; a stand-in, and a standalone program, stand out.',
    'The bearer token belies the underlying user nobody.',
    'Hold the lock. Compare against zero. The pass over the list goes on. Let the caller go on.',
    'Data comes in, then to user space.',
  ];
  expect(found({}, { 'a.md': lines.join('\n') })).toEqual([]);
});

test('the words are found in their forms', () => {
  const lines = [
    ['The reader is told of it.', 'told'],
    ['Where a hook is to be had,', 'be had'],
    ['what the kernel cannot have.', 'cannot have'],
    ['It bears a lost segment.', 'bears'],
    ['The number stands at the end.', 'stands'],
    ['It lies between both.', 'lies'],
    ['The count is held to be right against ss.', 'held to be right against'],
    ['This one is passed over.', 'passed over'],
    ['Whoever reads it', 'Whoever'],
    ['It ends by itself.', 'by itself'],
    ['It is the business of the caller.', 'business of'],
    ['Handshakes came to nothing.', 'came to'],
  ] as const;
  const text = lines.map(([line]) => line).join('\n');
  expect(found({}, { 'a.md': text })).toEqual(lines.map(([, word], i) => `a.md:${i + 1}: ${word}`));
});
