import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { countLine } from './capture.js';
import { start } from './command.js';
import { eventually } from './eventually.js';

// What signals do to the process: rows of docs/terminal.md.

describe.concurrent('signals', () => {
  const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const LINES = ['watch', 'watch --json', 'watch --spark', 'watch -i -'];
  const each = SIGNALS.flatMap((signal) => LINES.map((line) => [signal, line] as const));

  test.each(each)('%s ends `%s`', async (signal, line) => {
    const started = start(line.split(' '));
    started.child.stdin?.write(`${countLine(1, {})}\n`);
    await started.until(/\n/);
    started.child.kill(signal);
    const { stdout, stderr, code } = await started.ended();
    expect(stdout.endsWith('\n')).toBe(true);
    expect(stderr).toMatch(/tcpsynq: \d+ counts? in .*\n$/);
    expect(code).toBe(0);
  });

  test('the second ends at once', async () => {
    const started = start(['watch', '--json', '-i', '-']);
    const line = `${countLine(1, {})}\n`;
    started.child.stdin?.write(line);
    await started.until(/\n/);
    started.child.stdout?.pause();
    const feed = setInterval(() => started.child.stdin?.write(line.repeat(1000)), 10);
    // It stops reading when nobody reads what it writes.
    await eventually('stdin to fill up', () => (started.child.stdin?.writableLength ?? 0) > 4e6);
    started.child.kill('SIGTERM');
    await pause(300);
    // Nobody reads what is still to be flushed.
    expect(started.child.exitCode).toBeNull();
    started.child.kill('SIGTERM');
    await once(started.child, 'exit');
    clearInterval(feed);
    expect(started.child.signalCode).toBe('SIGTERM');
    started.child.stdout?.resume();
    await started.ended();
  });
});
