// With --require: the process sends itself SIGTERM as soon as it listens for it.
process.on('newListener', (name) => {
  if (name === 'SIGTERM') {
    process.nextTick(() => process.kill(process.pid, 'SIGTERM'));
  }
});
