import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const src = join(top, 'src');

/** Read from the table of ARCHITECTURE.md which folders each folder may import. */
function allowed(): Map<string, Set<string>> {
  const rows = [
    ...readFileSync(join(top, 'ARCHITECTURE.md'), 'utf8').matchAll(/^\| (`.*?) \|.*\| (.*) \|$/gm),
  ];
  const names = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name as string);
  const may = new Map<string, Set<string>>();
  for (const [, folders = '', imports = ''] of rows) {
    const before = [...may.keys()];
    for (const folder of names(folders)) {
      may.set(folder, new Set(imports === 'all of the above' ? before : names(imports)));
    }
  }
  return may;
}

/** List the folders that a file imports from, dynamic imports included. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from |import\()'(\.[^']*)'/g)]
    .map(([, path]) => relative(src, resolve(dirname(file), path as string)))
    .filter((path) => path.includes('/'))
    .map((path) => path.split('/')[0] as string);
}

test('each folder of src imports only what ARCHITECTURE.md says', () => {
  const may = allowed();
  expect(may.size).toBe(14);
  const wrong: string[] = [];
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' });
  for (const path of files.filter((name) => name.includes('/') && name.endsWith('.ts'))) {
    const folder = path.split('/')[0] as string;
    for (const other of importsOf(join(src, path))) {
      if (other !== folder && may.has(folder) && !may.get(folder)?.has(other)) {
        wrong.push(`${path} imports ${other}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});
