import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, inWords } from './failure.js';

/** Where a file is made before it takes the place of the one at `path`, in the same folder. */
export function draft(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}`);
}

/**
 * Writes a file at once: who reads it meanwhile sees the old one or the new one.
 *
 * @param mode whatever the umask is; without it the umask decides
 */
export async function replace(
  path: string,
  text: string | Uint8Array,
  mode?: number,
): Promise<void> {
  const made = draft(path);
  try {
    // Not through a link that someone else has put there.
    await rm(made, { force: true });
    const file = await open(made, 'wx');
    try {
      await file.writeFile(text);
      if (mode !== undefined) {
        await file.chmod(mode);
      }
    } finally {
      await file.close();
    }
    await rename(made, path);
  } catch (error) {
    await rm(made, { force: true }).catch(() => {});
    throw new Failure(`cannot write ${path}: ${inWords(error)}`);
  }
}
