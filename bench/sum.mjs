// SPDX-License-Identifier: GPL-2.0-only
// node bench/sum.mjs COLUMN [FILE]: sums a column of the S lines of a file, or of stdin, through the
// command's own parser.
import { createReadStream } from 'node:fs';
import { Scanner } from '../build/record/scan.js';

const name = process.argv[2] ?? 'snd_cwnd';
let columns = null;
let column = -1;
let sum = 0;
let rows = 0;
const scanner = new Scanner({
  row(row) {
    if (row.columns !== columns) {
      columns = row.columns;
      column = columns.index(name);
    }
    sum += row.number(column);
    rows += 1;
  },
  line() {},
});
const [, , , file] = process.argv;
const input = file === undefined ? process.stdin : createReadStream(file, { highWaterMark: 1 << 18 });
for await (const chunk of input) {
  scanner.push(chunk);
}
scanner.end();
console.log(`${sum} ${rows}`);
