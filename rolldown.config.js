// The command as CommonJS in few files, with commander in it: as ES modules, one a source, it took
// Node 20 more than twice what an empty script does to start (bench/cost start).
// What the sources in folders find beside themselves is found from chunks/ too, which is as deep.
import manifest from './package.json' with { type: 'json' };

/** For programs of their own that commands may be, and none of ours is; it takes Node long to load. */
const noChildProcess = {
  name: 'no-child-process',
  resolveId: (id, importer) =>
    id === 'node:child_process' && importer?.includes('/commander/') ? '\0none' : null,
  load: (id) => (id === '\0none' ? 'export {}' : null),
};

export default {
  input: 'build/cli.js',
  platform: 'node',
  external: Object.keys(manifest.dependencies).filter((name) => name !== 'commander'),
  plugins: [noChildProcess],
  output: { dir: 'dist', format: 'cjs', chunkFileNames: 'chunks/[name].js' },
};
