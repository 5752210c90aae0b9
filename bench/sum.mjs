// SPDX-License-Identifier: GPL-2.0-only
// node bench/sum.mjs COLUMN [FILE]: sums a column of the S lines of a file, or of stdin. It reads
// and parses them like the command.
import { readBatches } from '../build/stream/reader.js';
import { openCapture } from '../build/source/bytes.js';

const [, , name = 'snd_cwnd', file = '-'] = process.argv;
let columns = null;
let column = -1;
let sum = 0;
let rows = 0;
const { chunks } = openCapture(file, {}, () => process.stdin, new AbortController().signal);
const sums = {
  begin() {},
  take(row) {
    if (row.kind !== 'S') {
      return;
    }
    if (row.columns !== columns) {
      columns = row.columns;
      column = columns.index(name);
    }
    sum += row.number(column);
    rows += 1;
  },
};
for await (const batch of readBatches(chunks)) {
  batch.to(sums);
}
console.log(`${sum} ${rows}`);
