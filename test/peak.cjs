// Loaded with --require: print the peak resident set in KiB on stderr at exit. This is CommonJS,
// because for an ES module node would load code that the command does not use. maxRSS of
// process.resourceUsage() is too high: exec(2) carries over the peak of the process that forked,
// here all of vitest's (Linux 6.1, fs/exec.c, exec_mmap()).
const { readFileSync } = require('node:fs');

process.on('exit', () => {
  const status = readFileSync('/proc/self/status', 'utf8');
  console.error(/^VmHWM:\s+(\d+) kB$/m.exec(status)[1]);
});
