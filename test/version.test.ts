import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// For a release, the version is set by hand, in three files that cannot read each other.
test('the module, DKMS and the command are of one version', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const found = (file: string, pattern: RegExp) => readFileSync(file, 'utf8').match(pattern)?.[1];

  expect(found('kmod/tcpsynq.h', /^#define SYNQ_VERSION "(.*)"$/m)).toBe(version);
  expect(found('dkms.conf', /^PACKAGE_VERSION="(.*)"$/m)).toBe(version);
});

test.each([
  ['18.20.4', 1],
  ['20.18.3', 1],
  ['20.19.0', 0],
  ['22.0.0', 0],
])('a Node that says it is %s: exit %i', (version, status) => {
  const directory = mkdtempSync(join(tmpdir(), 'version-'));
  const before = join(directory, 'before.cjs');
  const versions = `{ ...process.versions, node: '${version}' }`;
  writeFileSync(before, `Object.defineProperty(process, 'versions', { value: ${versions} });`);
  const ran = spawnSync(process.execPath, ['-r', before, 'dist/cli.js', 'help', 'count'], {
    encoding: 'utf8',
  });
  rmSync(directory, { recursive: true });
  expect(ran.status).toBe(status);
  if (status === 0) {
    expect(ran.stdout).toContain('Usage: tcpsynq count');
    expect(ran.stderr).toBe('');
  } else {
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toBe(
      `tcpsynq: needs Node 20.19 or newer, and ${process.execPath} is ${version}: npm install --global node@20\n`,
    );
  }
});
