import { readFileSync } from 'node:fs';
import { makeProgram } from '../program.js';
import type { Host } from '../terminal/host.js';
import { manual } from './mdoc.js';

// The build runs this file, not the command: node print.js FRAME >PAGE.

const [frame = ''] = process.argv.slice(2);
const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };
// No command runs, so none uses its host.
const program = makeProgram({} as Host, version);
process.stdout.write(manual(program, readFileSync(frame, 'utf8')));
