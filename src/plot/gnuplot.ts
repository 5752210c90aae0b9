import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename, rm } from 'node:fs/promises';
import { errno, Failure, inWords } from '../failure.js';
import { draft } from '../replace.js';

/**
 * Runs a script, which writes its picture to where its variable `picture` says. The picture takes
 * the place of an older one only when it is whole.
 *
 * @returns what gnuplot had to say
 */
export async function runGnuplot(script: string, picture: string): Promise<string> {
  const made = draft(picture);
  // Without the settings of the person's own ~/.gnuplot.
  const args = ['-d', '-e', `picture='${made.replaceAll("'", "''")}'`, script];
  // In a process group of its own: Ctrl-C ends the reading, and what was read is still drawn.
  const child = spawn('gnuplot', args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    // Without a locale it warns of a degree sign that it cannot convert.
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 4096);
  });
  try {
    const [code] = await once(child, 'close');
    if (code !== 0) {
      throw new Failure(`gnuplot could not draw ${script}: ${firstLine(said)}`);
    }
    await rename(made, picture);
    return firstLine(said);
  } catch (error) {
    await rm(made, { force: true });
    if (errno(error) === 'ENOENT' && child.pid === undefined) {
      throw new Failure(
        `gnuplot is not installed: apt-get install gnuplot-nox, then draw it with: gnuplot ${script}`,
      );
    }
    throw error instanceof Failure
      ? error
      : new Failure(`cannot draw ${picture}: ${inWords(error)}`);
  }
}

function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? ''
  );
}
