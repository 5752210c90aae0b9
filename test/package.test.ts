import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The package that npm makes of a tree in which the module has been built as well.

const COPIED = [
  'package.json',
  '.gitignore',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'Kbuild',
  'Makefile',
  'dkms.conf',
  'dist',
  'docs',
  'kmod',
  'man',
];
const BUILT = [
  'kmod/tcpsynq.ko',
  'kmod/tcpsynq.mod',
  'kmod/tcpsynq.mod.c',
  'kmod/.tcpsynq.mod.c.cmd',
  'kmod/main.o',
  'kmod/.main.o.cmd',
  'kmod/Module.symvers',
  'kmod/modules.order',
  'kmod/.kdir',
  'tcpsynq-0.0.1.tgz',
];
const NOT_OURS = ['test/package.test.ts', 'src/cli.ts', 'lab/run', 'bench/cost'];

let tree: string;
let files: readonly string[];

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'tcpsynq-package-'));
  for (const name of COPIED) {
    await cp(name, join(tree, name), { recursive: true });
  }
  for (const name of [...BUILT, ...NOT_OURS]) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), '');
  }
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: tree });
  const [{ files: listed }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  files = listed.map(({ path }) => path);
});

afterAll(() => rm(tree, { recursive: true }));

test('has the command, the manual pages and the sources of the module', async () => {
  expect(files).toEqual(
    expect.arrayContaining([
      'package.json',
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'docs/install.md',
      'Kbuild',
      'dkms.conf',
      'dist/cli.js',
      'dist/page/page.css',
      'dist/man/tcpsynq.1',
      'man/tcpsynq.4',
    ]),
  );
  const sources = (await readdir('kmod')).filter((name) => /^(Kbuild|\w+\.[ch])$/.test(name));
  expect(sources.length).toBeGreaterThan(20);
  expect(files.filter((path) => path.startsWith('kmod/')).sort()).toEqual(
    sources.map((name) => `kmod/${name}`).sort(),
  );
});

test('has nothing that was built for a kernel, and no tests', () => {
  const known =
    /^(dist|docs|kmod|man)\/|^(package\.json|LICENSE|README\.md|CHANGELOG\.md|Kbuild|dkms\.conf)$/;
  expect(files.filter((path) => !known.test(path))).toEqual([]);
});
