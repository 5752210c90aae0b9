// SPDX-License-Identifier: GPL-2.0-only
// Read a unified diff without context from stdin, and print each line it adds
// whose prose has a word of the table. Files are read from the current folder.
import { existsSync, readFileSync } from 'node:fs';

// Pattern, and what to write instead.
const WORDS = [
  [/\btold\b/, 'reported, counted as, notified; "distinguished" for two things'],
  [/\b(?:be|been|is|are|was|were) had\b|\bhad back\b/, 'available, obtained, returned'],
  [
    /\b(?:can't|cannot) have\b(?=\s*[.,;:)]|\s+(?:is|are|becomes?)\b)/,
    'is not available to, lacks',
  ],
  [/\b(?:bears?|bore|borne)\b/, 'tolerate, carry'],
  [/\bstands?\b(?!-| (?:for|alone|out)\b)|\bstood\b/, 'is, remains'],
  [/\b(?:lies?|lain)\b/, 'is, is located'],
  [/\b(?:hold|holds|held|holding)(?: [^\s.,;:]+){0,3} against\b/, 'compare with'],
  [/\bpassed over\b/, 'skipped'],
  [/\b(?:go|goes|going|went|gone) by\b/, 'uses, follows; "elapses" for time'],
  [/\bof late\b/, 'recently'],
  [/\banew\b/, 'again'],
  [/\bin the midst\b|\bamidst\b/, 'during, among'],
  [/\bwho(?:ever|mever|soever)\b/, 'anyone who, any process that'],
  [/(?<!\buser )\bnobody\b/, 'no one, no process'],
  [/\bours\b/, "tcpsynq's, the module's"],
  [/\bby (?:itself|themselves)\b/, 'automatically, on its own'],
  [/\bwant of\b/, 'lack of'],
  [/\bbusiness (?:of|to)\b|\b(?:no|own|its|their) business\b/, 'responsibility of, concerns'],
  [/\b(?:come|comes|came|coming) to\b/, 'become, reach, amount to'],
  [/\b(?:let|lets|letting)(?: \w+){0,2} go\b(?! on\b)/, 'release, free'],
].map(([pattern, instead]) => [new RegExp(pattern, 'gi'), instead]);

/** Replace text by as many spaces, so that the rest stays on its line. */
const blank = (text) => text.replace(/[^\n]/g, ' ');

const SLASH_COMMENT =
  /(\/\/.*|\/\*[\s\S]*?\*\/)|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|[^\n]/g;
const HASH_COMMENT = /(^#(?!!).*|(?<=\s)#.*)|[^\n]/gm;
const FENCED_CODE = /^\s*(```|~~~)[\s\S]*?^\s*\1.*$/gm;

const onlyComments = (text, pattern) =>
  text.replace(pattern, (other, comment) => comment ?? blank(other));

/** Blank everything in a file except its prose, as its name or its first line requires. */
function proseOf(file, text) {
  if (/\.md$/.test(file)) return text.replace(FENCED_CODE, blank);
  if (/^man\//.test(file)) return text;
  if (/\.(?:[ch]|ts|js|mjs|cjs|css)$/.test(file)) return onlyComments(text, SLASH_COMMENT);
  if (/(?:^|\/)(?:Makefile|Kbuild|[^/]*\.(?:sh|yml))$/.test(file) || /^#!.*sh\b/.test(text))
    return onlyComments(text, HASH_COMMENT);
  return '';
}

/** Drop code, addresses and the targets of links: none of them is prose. */
const withoutCode = (text) => text.replace(/`[^`]*`|\]\([^)]*\)|\bhttps?:\/\/\S+/g, blank);

/** Return the part of a line that does not change when the line moves to another place. */
const moved = (line) => line.replace(/^[\s*/#]+|[\s*/]+$/g, '').replace(/\s+/g, ' ');

/** Parse the diff: the lines it adds, and the text of those it removes. */
function parseDiff(diff) {
  const added = [];
  const removed = new Set();
  let file = '';
  let number = 0;
  let left = { old: 0, new: 0 };
  for (const line of diff.split('\n')) {
    const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (left.old > 0 && line[0] === '-') {
      removed.add(moved(line.slice(1)));
      left.old--;
    } else if (left.new > 0 && line[0] === '+') {
      added.push({ file, number: number++, text: line.slice(1) });
      left.new--;
    } else if (hunk) {
      number = Number(hunk[2]);
      left = { old: Number(hunk[1] ?? 1), new: Number(hunk[3] ?? 1) };
    } else if (line.startsWith('+++ ')) file = line.slice(6).replace(/\t$/, '');
  }
  return { added, removed };
}

/** Return the words of the table in a line of prose, each with its replacement. */
function wordsIn(prose) {
  const line = withoutCode(prose);
  return WORDS.flatMap(([pattern, instead]) =>
    [...line.matchAll(pattern)].map(([word]) => ({ word, instead })),
  );
}

const { added, removed } = parseDiff(readFileSync(0, 'utf8'));
const prose = new Map();
for (const { file, number, text } of added) {
  if (removed.has(moved(text)) || !existsSync(file)) continue;
  if (!prose.has(file)) prose.set(file, proseOf(file, readFileSync(file, 'utf8')).split('\n'));
  for (const { word, instead } of wordsIn(prose.get(file)[number - 1] ?? '')) {
    console.error(`${file}:${number}: ${word}: ${text.trim()}\n\twrite: ${instead}`);
    process.exitCode = 1;
  }
}
