import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { METRICS } from '../src/export/metrics.js';
import { run } from './command.js';
import { promtool } from './export/promtool.js';

// Check the files of docs/fleet with the command and with Prometheus's promtool.

const folder = fileURLToPath(new URL('../docs/fleet', import.meta.url));
const text = (name: string) => readFile(join(folder, name), 'utf8');

test('promtool accepts the configuration and the rules', () => {
  expect(promtool(['check', 'config', 'prometheus.yml'], { cwd: folder })).toMatchObject({
    status: 0,
  });
  expect(promtool(['check', 'rules', 'rules.yml'], { cwd: folder })).toMatchObject({ status: 0 });
});

test('the tests of the rules pass, and would not with another rule', async () => {
  const args = ['test', 'rules', 'rules.test.yml'];
  expect(promtool(args, { cwd: folder })).toMatchObject({
    status: 0,
    output: expect.stringContaining('SUCCESS'),
  });
  const copy = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  await writeFile(join(copy, 'rules.test.yml'), await text('rules.test.yml'));
  await writeFile(join(copy, 'rules.yml'), (await text('rules.yml')).replace('> 50', '> 5000'));
  expect(promtool(args, { cwd: copy })).toMatchObject({ status: 1 });
  await rm(copy, { recursive: true });
});

test('every alert is tested, and described in the README', async () => {
  const names = [...(await text('rules.yml')).matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const [tests, readme] = [await text('rules.test.yml'), await text('README.md')];
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) {
    expect(tests).toMatch(
      new RegExp(`alertname: ${name}\\n +eval_time: \\S+\\n +exp_alerts:\\n +- exp_labels`),
    );
    expect(readme).toContain(`| \`${name}\` |`);
  }
});

test('rules and dashboard name existing metrics', async () => {
  const [rules, dashboard] = [await text('rules.yml'), await text('dashboard.json')];
  const recorded = [...rules.matchAll(/- record: (\S+)/g)].map(([, name]) => name);
  const known = new Set([...Object.keys(METRICS), 'tcpsynq_handshake_seconds_bucket', ...recorded]);
  const expressions: string[] = [rules.replace(/annotations:(\n {10}.*)+/g, '')];
  const panels = JSON.parse(dashboard).panels as { targets: { expr: string }[] }[];
  for (const { targets } of panels) {
    expressions.push(...targets.map(({ expr }) => expr));
  }
  const named = expressions.flatMap(
    (one) => one.match(/(?:instance_\w+:)?\btcpsynq_[\w:]+/g) ?? [],
  );
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

test('promtool accepts the queries of the dashboard', async () => {
  const panels = JSON.parse(await text('dashboard.json')).panels as {
    targets: { expr: string }[];
  }[];
  const rules = panels.flatMap(({ targets }) =>
    targets.map(
      ({ expr }, i) =>
        `      - record: panel${i}\n        expr: ${JSON.stringify(expr.replaceAll('$__rate_interval', '1m'))}\n`,
    ),
  );
  const copy = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  const file = join(copy, 'panels.yml');
  await writeFile(file, `groups:\n  - name: panels\n    rules:\n${rules.join('')}`);
  expect(promtool(['check', 'rules', '--lint=none', file])).toMatchObject({ status: 0 });
  await rm(copy, { recursive: true });
});

test('the units start commands that the command knows', async () => {
  const units = (await readdir(folder)).filter((name) => name.endsWith('.service'));
  expect(units.sort()).toEqual(['tcpsynq-capture.service', 'tcpsynq-export.service']);
  for (const name of units) {
    const [, command = '', rest = ''] =
      /^ExecStart=\/usr\/local\/bin\/tcpsynq (\w+) (.*)$/m.exec(await text(name)) ?? [];
    const { stdout: help } = await run([command, '--help']);
    const options = rest.match(/--[a-z-]+/g) ?? [];
    expect(options.length).toBeGreaterThan(0);
    for (const option of options) {
      expect(help).toMatch(new RegExp(`^ +(-\\w, )?${option}\\b`, 'm'));
    }
  }
});
