import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

// Releases are tagged by hand, in three files that cannot read each other.
test('the module, DKMS and the command are of one version', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const found = (file: string, pattern: RegExp) => readFileSync(file, 'utf8').match(pattern)?.[1];

  expect(found('kmod/tcpsynq.h', /^#define SYNQ_VERSION "(.*)"$/m)).toBe(version);
  expect(found('dkms.conf', /^PACKAGE_VERSION="(.*)"$/m)).toBe(version);
});
