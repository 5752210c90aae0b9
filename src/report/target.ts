import { stat } from 'node:fs/promises';
import { Failure, Usage } from '../failure.js';
import { isSame } from '../source/file.js';

/** Refuses to write over the capture itself, over another file unless forced, and over what is none. */
export async function checkTarget(path: string, input: string, force: boolean): Promise<void> {
  if (/^$|\/$/.test(path)) {
    throw new Usage(`"${path}" is not the name of a file`);
  }
  if (isSame(path, input)) {
    throw new Usage(
      `the report would be written over ${input} itself: choose another name with -o`,
    );
  }
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory()) {
    throw new Failure(`cannot write ${path}: it is a directory`);
  }
  if (there !== null && !there.isFile()) {
    throw new Failure(`cannot write ${path}: it is no ordinary file; write to - and redirect that`);
  }
  if (there !== null && !force) {
    throw new Failure(`${path} is there already: give another name with -o, or --force`);
  }
}
