import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Failure, inWords } from '../failure.js';
import type { Assets } from './page.js';

const { resolve } = createRequire(import.meta.url);

/** Read the script and style of a page: the built ones, and uPlot's, with its licence. */
export async function readAssets(): Promise<Assets> {
  const own = (name: string) => readText(new URL(`../page/${name}`, import.meta.url));
  try {
    return {
      styles: [await readText(resolve('uplot/dist/uPlot.min.css')), await own('page.css')],
      libraries: [
        `/*!\n${await readText(resolve('uplot/LICENSE'))}\n*/\n${await readText(resolve('uplot/dist/uPlot.iife.min.js'))}`,
      ],
      modules: [await own('theme.js'), await own('charts.js')],
    };
  } catch (error) {
    throw new Failure(
      `what the page is made of is not all there, install tcpsynq again: ${inWords(error)}`,
    );
  }
}

/** Read a text for a script or style element; reject one that could end the element. */
async function readText(path: string | URL): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim();
  if (/<\/(script|style)|<!--/i.test(text)) {
    throw new Error(`${path} cannot stand in a page`);
  }
  return text;
}
