// The command as CommonJS in few files, with commander in it: as ES modules, one a source, it took
// Node 20 more than twice what an empty script does to start (bench/cost start).
// What the sources in folders find beside themselves is found from chunks/ too, which is as deep.
import { readFileSync } from 'node:fs';
import manifest from './package.json' with { type: 'json' };

/** For programs of their own that commands may be, and none of ours is; it takes Node long to load. */
const noChildProcess = {
  name: 'no-child-process',
  resolveId: (id, importer) =>
    id === 'node:child_process' && importer?.includes('/commander/') ? '\0none' : null,
  load: (id) => (id === '\0none' ? 'export {}' : null),
};

/** Put the shell script before the entry, as a comment that ends there. */
const startsInShell = {
  name: 'starts-in-shell',
  generateBundle(_options, bundle) {
    const entry = bundle['cli.js'];
    const script = readFileSync('src/start.sh', 'utf8');
    // The comment begins in line 2.
    if (script.split('\n').slice(2).join('\n').includes('*/')) {
      this.error('src/start.sh contains */, which would end the comment that it is to Node');
    }
    entry.code = `${script}*/;\n${entry.code.replace(/^#!.*\n/, '')}`;
  },
};

export default {
  input: 'build/cli.js',
  platform: 'node',
  external: Object.keys(manifest.dependencies).filter((name) => name !== 'commander'),
  plugins: [noChildProcess, startsInShell],
  output: { dir: 'dist', format: 'cjs', chunkFileNames: 'chunks/[name].js', strict: true },
};
