// With --require: the peak resident set in KiB, on stderr at the end. As a module it would have node
// load what the command does without. Not process.resourceUsage().maxRSS: exec(2) carries over the
// peak of the process that forked, here the whole of vitest's (Linux 6.1, fs/exec.c, exec_mmap()).
const { readFileSync } = require('node:fs');

process.on('exit', () => {
  const status = readFileSync('/proc/self/status', 'utf8');
  console.error(/^VmHWM:\s+(\d+) kB$/m.exec(status)[1]);
});
