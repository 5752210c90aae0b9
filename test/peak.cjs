// With --require: the peak resident set in KiB, on stderr at the end. As a module it would have node
// load what the command does without.
process.on('exit', () => console.error(process.resourceUsage().maxRSS));
