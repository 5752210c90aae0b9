import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeFormat } from '../../src/capture/format.js';
import { COLUMNS } from '../../src/stream/schema.js';
import { capture, incident } from '../capture.js';
import { run } from '../command.js';

const top = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const source = join(top, 'src/stream/schema.json');

describe('docs/json.schema.json', () => {
  const jsonSchema = JSON.parse(readFileSync(join(top, 'docs/json.schema.json'), 'utf8'));
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  const record = ajv.compile(jsonSchema);
  const count = ajv.compile({ ...jsonSchema, oneOf: undefined, $ref: '#/$defs/count' });

  function ndjson(): object[] {
    const format = makeFormat('ndjson', null, Number.POSITIVE_INFINITY);
    const pieces = [...format.push(Buffer.from(incident())), ...format.end()];
    const text = pieces
      .map(({ bytes, header, start }) => `${start ? '' : header}${bytes}`)
      .join('');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  test('describes every line of a capture of every kind', () => {
    const lines = ndjson();
    const kinds = new Set(lines.map((line) => (line as { kind: string }).kind));
    expect([...kinds].sort()).toEqual(['#', 'A', 'C', 'D', 'L', 'R', 'S', 'X']);
    expect(Object.keys(COLUMNS)).toEqual(expect.arrayContaining([...'ACDLRSX']));
    for (const line of lines) {
      expect(record(line), `${JSON.stringify(line)} ${ajv.errorsText(record.errors)}`).toBe(true);
    }
  });

  test('refuses a line without a time, and one with text in place of a number', () => {
    const sample = ndjson().find((line) => (line as { kind: string }).kind === 'S') as object;
    expect(record(sample)).toBe(true);
    expect(record({ ...sample, time: undefined })).toBe(false);
    // The first logs of tcp_probe have no srtt.
    expect(record({ ...sample, srtt_us: null })).toBe(true);
    expect(record({ ...sample, snd_cwnd: 'ten' })).toBe(false);
  });

  test('describes `count --json`', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tcpsynq-schema-'));
    const file = join(directory, 'capture');
    writeFileSync(file, capture(3, 10));
    const { stdout } = await run(['count', '--json', '-i', file]);
    rmSync(directory, { recursive: true });
    expect(count(JSON.parse(stdout)), ajv.errorsText(count.errors)).toBe(true);
    expect(count({ ...JSON.parse(stdout), half_open: 'many' })).toBe(false);
  });
});

describe('lab/schema.mjs check', () => {
  let copy: string;
  const check = () =>
    spawnSync('node', [join(copy, 'lab/schema.mjs'), 'check'], { encoding: 'utf8' });
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@localhost', ...args], {
      cwd: copy,
    });
  const edit = (from: string | RegExp, to: string) => {
    const text = readFileSync(source, 'utf8');
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    writeFileSync(join(copy, 'src/stream/schema.json'), changed);
    spawnSync('node', [join(copy, 'lab/schema.mjs')]);
  };

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'tcpsynq-schema-'));
    for (const path of [
      'src/stream',
      'src/export/metric-list.ts',
      'kmod/schema.h',
      'docs',
      'man',
      'lab/schema.mjs',
      'biome.json',
    ]) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      cpSync(join(top, path), join(copy, path), { recursive: true });
    }
    symlinkSync(join(top, 'node_modules'), join(copy, 'node_modules'));
    git('init', '-q');
    git('add', 'src');
    git('commit', '-qm', 'release');
    git('tag', 'v0.0.1');
  });
  afterAll(() => rmSync(copy, { recursive: true }));

  test('passes on the committed files', () => {
    expect(check()).toMatchObject({ status: 0, stderr: '' });
  });

  test('fails when a generated part is not that of the schema', () => {
    const header = join(copy, 'kmod/schema.h');
    const text = readFileSync(header, 'utf8');
    writeFileSync(header, text.replace('cookies_ok', 'cookies_good'));
    expect(check()).toMatchObject({ status: 1 });
    expect(check().stderr).toBe('lab/schema.mjs: kmod/schema.h is stale: run `npm run schema`\n');
    writeFileSync(header, text);
  });

  test.each([
    [
      'inserted',
      /("letter": "A",[^[]*"columns": \[)/,
      '$1 { "name": "new", "type": "number", "doc": "new" },',
      'A: column 2 was local',
    ],
    [
      'removed',
      /\{ "name": "synacks"[^}]*\}/,
      '{ "name": "syns", "type": "number", "doc": "new" }',
      'R: column 7 was synacks',
    ],
    [
      'moved, of a file',
      /"samples",\s+"lost",/,
      '"lost", "samples",',
      'stat: column 15 was samples',
    ],
  ])('fails when a column of the last release was %s', (_, from, to, problem) => {
    edit(from, to);
    expect(check()).toMatchObject({
      status: 1,
      stderr: `lab/schema.mjs: ${problem} in the last release\n`,
    });
  });

  test('passes when a column is appended', () => {
    edit(/("doc": "SYN-ACKs sent" \})/, '$1, { "name": "new", "type": "number", "doc": "new" }');
    expect(check()).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(copy, 'kmod/schema.h'), 'utf8')).toContain(
      '"time local remote qlen outcome age_us synacks new"',
    );
  });
});
