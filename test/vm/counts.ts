// Reports each test file of a run in the guest: a line at the end (passed of run, +skipped), and a
// row for lab/record on the host. The run fails if no test has the given name or pattern.

import { appendFileSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { basename } from 'node:path';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { type Counts, countTests, formatRow, suiteName, unfinished } from './rows.ts';

export default class Results implements Reporter {
  private readonly file: string;
  private readonly kernel = { release: release(), version: readFileSync('/proc/version', 'utf8') };
  private isPart = false;

  constructor({ file = '/run/tcpsynq-lab/out/results' }: { file?: string } = {}) {
    this.file = file;
  }

  onInit(vitest: Vitest): void {
    this.isPart = vitest.config.testNamePattern !== undefined;
  }

  private append(module: TestModule, counts: Counts, seconds: number): void {
    if (this.isPart || counts.isPart) return;
    const suite = suiteName(module.relativeModuleId);
    appendFileSync(this.file, formatRow(this.kernel, suite, counts, seconds));
  }

  onTestModuleStart(module: TestModule): void {
    const all = [...module.children.allTests()];
    if (all.some((test) => test.options.mode === 'skip')) return;
    this.append(module, unfinished(), 0);
  }

  onTestModuleEnd(module: TestModule): void {
    this.append(module, countTests(module), module.diagnostic().duration / 1000);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    let all = 0;
    for (const module of modules) {
      const { passed, failed, skipped } = countTests(module);
      const run = passed + failed;
      if (run === 0) continue;
      all += run;
      const name = basename(module.moduleId, '.test.ts');
      console.log(`${name}: ${passed} of ${run}${skipped > 0 ? ` +${skipped}` : ''}`);
    }
    if (all > 0) return;
    console.error('no test ran: is there one of that name?');
    process.exitCode = 1;
  }
}
