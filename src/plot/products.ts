import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errno, Failure, Usage } from '../failure.js';
import { OUR_MARK } from './script.js';

/** The files of one plot: a script, its data, and the picture, all in one folder. */
export class Products {
  /** Their folder, and the beginning of their names. */
  readonly folder: string;
  readonly name: string;
  readonly script: string;
  readonly picture: string;
  readonly counts: string;

  constructor(base: string, format: 'png' | 'svg') {
    this.folder = dirname(base);
    this.name = basename(base);
    if (!/^[^\p{Cc}]+$/u.test(base) || base.endsWith('/')) {
      throw new Usage('-o takes the start of a file name, without control characters');
    }
    this.script = `${base}.gp`;
    this.picture = `${base}.${format}`;
    this.counts = `${base}-half-open.dat`;
  }

  /** Return the file of the connection that is drawn as number `n`, from 1. */
  connection(n: number): string {
    return join(this.folder, `${this.name}-${n}.dat`);
  }

  /** Refuse to write over files that no plot made. */
  async check(input: string, connections: number, force: boolean): Promise<void> {
    const tables = Array.from({ length: connections }, (_, i) => this.connection(i + 1));
    const texts = [this.script, this.counts, ...tables];
    if ([...texts, this.picture].some((path) => resolve(path) === resolve(input))) {
      throw new Usage(
        `the plot would be written over ${input} itself: choose another name with -o`,
      );
    }
    if (force) {
      return;
    }
    for (const path of texts) {
      if ((await begins(path)) === 'otherwise') {
        throw notOurs(path);
      }
    }
    // A picture has no mark, but the script beside it has one.
    if ((await begins(this.picture)) !== 'absent' && (await begins(this.script)) !== 'ours') {
      throw notOurs(this.picture);
    }
  }

  /** Remove the tables of an earlier plot with more connections. */
  async removeFrom(n: number): Promise<void> {
    for (let i = n; (await begins(this.connection(i))) === 'ours'; i++) {
      await rm(this.connection(i), { force: true });
    }
  }
}

function notOurs(path: string): Failure {
  return new Failure(`${path} is there already: give another name with -o, or --force`);
}

/** Return whether a file is absent, begins with the mark of a plot, or begins otherwise. */
async function begins(path: string): Promise<'absent' | 'ours' | 'otherwise'> {
  let file: Awaited<ReturnType<typeof open>> | undefined;
  try {
    // O_NONBLOCK: if it is a pipe, do not wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) {
      return 'otherwise';
    }
    const head = Buffer.alloc(OUR_MARK.length);
    await file.read(head, 0, head.length, 0);
    return head.toString() === OUR_MARK ? 'ours' : 'otherwise';
  } catch (error) {
    return errno(error) === 'ENOENT' ? 'absent' : 'otherwise';
  } finally {
    await file?.close();
  }
}
