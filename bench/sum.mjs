// SPDX-License-Identifier: GPL-2.0-only
// node bench/sum.mjs COLUMN [FILE]: sums a column of the S lines of a file, or of stdin, read and
// parsed as the command does.
import { Scanner } from '../build/record/scan.js';
import { openCapture } from '../build/source/bytes.js';

const [, , name = 'snd_cwnd', file = '-'] = process.argv;
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
const { chunks } = openCapture(file, {}, () => process.stdin, new AbortController().signal);
for await (const chunk of chunks) {
  scanner.push(chunk);
}
scanner.end();
console.log(`${sum} ${rows}`);
