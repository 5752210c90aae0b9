import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { errno, Failure } from '../failure.js';
import { replaceBy } from '../replace.js';
import type { Host } from '../terminal/host.js';

/**
 * Run a script. Replace an older picture only when the new one is complete.
 *
 * Gnuplot gets the script by a pipe and writes the picture to an open file. Another user could
 * replace a named file. Gnuplot also treats a name that begins with `<` or `|` as a command.
 *
 * @param path of the script, for messages; its data are in the same folder
 * @param onExit calls back if the command ends early: then gnuplot is killed
 * @returns gnuplot's output on stderr
 */
export async function runGnuplot(
  script: string,
  path: string,
  picture: string,
  onExit: Host['onExit'],
): Promise<string> {
  let said = '';
  await replaceBy(picture, async (file) => {
    said = await drawTo(file, script, path, onExit);
  });
  return firstLine(said);
}

async function drawTo(
  file: FileHandle,
  script: string,
  path: string,
  onExit: Host['onExit'],
): Promise<string> {
  const folder = dirname(path);
  const here = isAbsolute(folder) ? `${folder}/` : `./${folder}/`;
  const variables = `picture=''; here='${here.replaceAll("'", "''")}'\n`;
  // -d ignores the user's ~/.gnuplot. A process group of its own keeps Ctrl-C away from gnuplot:
  // Ctrl-C ends only the reading, and the recording so far is still drawn.
  const child = spawn('gnuplot', ['-d'], {
    stdio: ['pipe', file.fd, 'pipe'],
    detached: true,
    // Without a UTF-8 locale, gnuplot warns that it cannot convert a degree sign.
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  const forget = onExit(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 4096);
  });
  // Ignore write errors: if gnuplot ends before it has read the whole script, its exit status shows
  // that.
  child.stdin?.on('error', () => {});
  child.stdin?.end(variables + script);
  try {
    const [code] = await once(child, 'close');
    if (code !== 0 || (await file.stat()).size === 0) {
      throw new Failure(`gnuplot could not draw ${path}: ${firstLine(said)}`);
    }
    return said;
  } catch (error) {
    throw errno(error) === 'ENOENT'
      ? new Failure(
          `gnuplot is not installed: apt-get install gnuplot-nox, then draw it with: gnuplot ${path}`,
        )
      : error;
  } finally {
    forget();
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
