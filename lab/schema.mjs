// lab/schema.mjs [check]: writes the files and tables generated from src/stream/schema.json. With
// "check" it writes nothing, and fails if a generated part is stale, or if a column of the last
// release was moved or removed.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE = 'src/stream/schema.json';
const BY = `Generated from ${SOURCE} by \`npm run schema\``;
const schema = JSON.parse(read(SOURCE));

function read(path) {
  return readFileSync(join(top, path), 'utf8');
}

/** The first column of each line of the stream, except headers. */
const TIME = { name: 'time', type: 'time', unit: 's', doc: 'when' };
const counters = new Map(schema.counters.map((counter) => [counter.name, counter]));

/** Return the columns of a kind of line. The columns of `C` are counters. */
function columnsOf({ counters: names, columns, time = TIME.doc }) {
  return [
    { ...TIME, doc: time },
    ...(columns ?? names.map((name) => ({ ...counters.get(name), type: 'number' }))),
  ];
}

const namesOf = (kind) => columnsOf(kind).map(({ name }) => name);
const words = [...new Set(schema.kinds.flatMap(({ word }) => word ?? []))];
/** The kinds of lines that the module makes from records. */
const records = schema.kinds.filter(({ record }) => record !== undefined);
const lettersOf = (word) =>
  schema.kinds.flatMap((kind) => (kind.word === word ? kind.letter : [])).join('');

// ---- The command ----

function tcpProbeColumns() {
  const names = namesOf(schema.kinds.find(({ letter }) => letter === 'S'));
  return names.slice(0, names.indexOf('rcv_wnd') + 1);
}

function typescript() {
  const text = (value) => JSON.stringify(value);
  const list = (values) => `${text(values)} as const`;
  const kinds = schema.kinds.map((kind) => `${kind.letter}: ${text(namesOf(kind))}`);
  const first = schema.kinds.map((kind) => `${kind.letter}: ${kind.first ?? namesOf(kind).length}`);
  const means = schema.counters.map(({ name, means }) => `${name}: ${text(means)}`);
  const notNumbers = schema.kinds.flatMap((kind) =>
    columnsOf(kind).flatMap(({ name, type }) => (['number', 'time'].includes(type) ? [] : name)),
  );
  const keys = schema.filter.filter(({ min }) => min !== undefined);
  const choices = schema.filter.filter(({ values }) =>
    values?.every((value) => /[a-z]/.test(value)),
  );
  return format(
    'src/stream/schema.ts',
    `// ${BY}.

/** The version of the format. */
export const FORMAT_VERSION = ${schema.version};

/** The outcomes of a half-open. The sum of their counters is everything removed. */
export const OUTCOMES = ${list(schema.outcomes)};

/** Why a connection was closed. */
export const CAUSES = ${list(schema.causes.map(({ name }) => name))};

/** Every counter with its meaning, in the order in which they are printed. */
export const COUNTERS = { ${means.join(', ')} } as const;

/** Counters that can fall, since they show a current number. */
export const LEVELS = ${list(schema.counters.filter(({ level }) => level).map(({ name }) => name))};

/** The columns of each kind of line, in the order of a module with this version. */
export const COLUMNS = { ${kinds.join(', ')} } as const;

/** The number of columns, from the first, that a line of each kind has at least. */
export const MIN_COLUMNS = { ${first.join(', ')} } as const;

/** Counters of a C line that only grow, except the tap's own losses. */
export const GROWING = ${list(growing())};

/** The kinds whose lines are rows: all except counts and losses. */
export const ROW_KINDS = ${list(records.map(({ letter }) => letter))};

/** The noun for the records of each kind. */
export const RECORDS = { ${schema.kinds.flatMap(({ letter, things }) => (things === undefined ? [] : `${letter}: ${text(things)}`)).join(', ')} } as const;

/** The columns that tcp_probe of Linux 4.15 printed, in its order. */
export const TCP_PROBE_COLUMNS = ${list(tcpProbeColumns())};

/** Columns whose values are not numbers, or may be too large for a double. */
export const TEXT_COLUMNS = ${list([...new Set(notNumbers)])};

/** The letters of the lines that each word of the filter key \`kinds\` asks for. */
export const LETTERS = { ${words.map((word) => `${word}: '${lettersOf(word)}'`).join(', ')} } as const;

/** Names of counters in /proc/net/netstat, which counts since the namespace was made. */
export const NETSTAT = { ${schema.counters.flatMap(({ name, netstat }) => (netstat === undefined ? [] : `${name}: ${text(netstat)}`)).join(', ')} } as const;

/** The columns of /proc/net/stat/tcpsynq. */
export const STAT_COLUMNS = ${list(schema.stat)};

/** The columns of /proc/net/tcpsynq_listeners. */
export const LISTENER_COLUMNS = ${list(schema.listeners.map(({ name }) => name))};

/** The range of each number of a tap's filter. */
export const FILTER_RANGES = { ${keys.map(({ key, min, max }) => `${key}: { min: ${min}, max: ${max} }`).join(', ')} } as const;

/** The words that each key of a tap's filter takes. */
export const FILTER_WORDS = { ${choices.map(({ key, values }) => `${key}: ${text(values)}`).join(', ')} } as const;
`,
  );
}

/** Return the counters of a C line that are neither levels nor the tap's own. */
function growing() {
  const { counters: names } = schema.kinds.find(({ letter }) => letter === 'C');
  return names.filter((name) => !counters.get(name).level && name !== 'lost');
}

function metrics() {
  const all = schema.metrics.map(
    ({ name, type, help }) => `${name}: [${JSON.stringify(type)}, ${JSON.stringify(help)}],`,
  );
  const own = schema.counters.flatMap(({ name, metric }) =>
    metric === undefined
      ? []
      : `${name}: { name: ${JSON.stringify(metric.name)}, labels: ${JSON.stringify(metric.labels ?? {})} },`,
  );
  return format(
    'src/export/metric-list.ts',
    `// ${BY}.

/**
 * Every metric with its type and help. Names and units follow
 * https://prometheus.io/docs/practices/naming/.
 */
export const METRICS = { ${all.join(' ')} } as const satisfies Readonly<Record<string, readonly ['gauge' | 'counter' | 'histogram', string]>>;

/** The metric of each counter, with its labels in addition to \`netns\`. */
export const COUNTER_METRICS = { ${own.join(' ')} } as const;
`,
  );
}

function format(path, text) {
  const biome = join(top, 'node_modules/.bin/biome');
  return execFileSync(biome, ['format', `--stdin-file-path=${path}`], {
    input: text,
    cwd: top,
  }).toString();
}

// ---- The module ----

const upper = (name) => name.toUpperCase();
const quote = (text) => JSON.stringify(text);

/** Return an initializer list in C, with one or four items per line. */
function braces(items) {
  const lines = [];
  const most = items.some((item) => item.includes('=')) ? 1 : 4;
  for (let i = 0; i < items.length; i += most) {
    lines.push(`\t${items.slice(i, i + most).join(', ')}`);
  }
  return `{ \\\n${lines.join(', \\\n')} }`;
}

function allowed({ allowed: words, values, min, max, unit, unset, default: value }) {
  const range = `${min} to ${max}${unit === undefined ? '' : ` ${unit}`}`;
  const all = words ?? (values === undefined ? range : either(values));
  return unset === undefined ? all : `${all} (${value}: ${unset})`;
}

function either(values) {
  return values.length === 1 ? values[0] : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/** Return the purpose of a parameter and its allowed values, without its default. */
function purpose({ help, allowed: words, min, max }) {
  return `${help}${words === undefined ? '' : `: ${words}`}${min === undefined ? '' : `, ${min} to ${max}`}`;
}

const valuesOf = ({ values }) => (values === undefined ? '' : `: ${either(values)}`);

const defaultOf = ({ default: value, unset }) =>
  `${value}${unset === undefined ? '' : `: ${unset}`}`;

/** Return the line that modinfo(8) prints for a parameter. */
const parm = (one) => `${purpose(one)}${valuesOf(one)} (default ${defaultOf(one)})`;

/** Return the counters of each CPU. The module loops from the first outcome to the last. */
function countedOnCpus() {
  const counted = schema.stat.filter((name) => counters.get(name).from === 'cpu');
  const lacking = schema.counters.find(
    ({ name, from }) => from === 'cpu' && !counted.includes(name),
  );
  if (lacking !== undefined) {
    throw new Error(`${SOURCE}: "${lacking.name}" is counted on each CPU, so "stat" must list it`);
  }
  const first = counted.indexOf(schema.outcomes[0]);
  const outcomes = counted.slice(first, first + schema.outcomes.length);
  if (
    counted[0] !== 'initial' ||
    counted[1] !== 'added' ||
    `${outcomes}` !== `${schema.outcomes}`
  ) {
    throw new Error(
      `${SOURCE}: "stat" must have initial, added, and then the outcomes in their order`,
    );
  }
  return counted;
}

function header() {
  const counted = countedOnCpus();
  const others = schema.counters
    .filter(({ name, from }) => !counted.includes(name) && from !== 'proc')
    .map(({ name }) => name);
  const id = (name) => `SYNQ_${upper(name)}`;
  const count = schema.kinds.find(({ letter }) => letter === 'C');
  const enumerators = [
    ...counted.map((name) => `\t${id(name)},\n`),
    `\tSYNQ_COUNTED,\n`,
    ...others.map((name, i) => `\t${id(name)}${i === 0 ? ' = SYNQ_COUNTED' : ''},\n`),
    '\tSYNQ_COUNTERS\n',
  ];
  const lines = [
    '/* SPDX-License-Identifier: GPL-2.0-only */',
    `/* ${BY}. */`,
    '#ifndef SYNQ_SCHEMA_H',
    '#define SYNQ_SCHEMA_H',
    '',
    `#define SYNQ_FORMAT_VERSION "${schema.version}"`,
    '',
    '/* Each CPU counts those below SYNQ_COUNTED; the others are computed for each reading. */',
    `enum synq_counter {\n${enumerators.join('')}};`,
    '',
    `#define SYNQ_STAT_COLUMNS ${quote(schema.stat.join(' '))}`,
    `#define SYNQ_STAT_COUNTERS ${braces(schema.stat.map(id))}`,
    `#define SYNQ_C_COUNTERS ${braces(count.counters.map(id))}`,
    '',
    ...schema.kinds.map(
      (kind) => `#define SYNQ_COLUMNS_${kind.letter} ${quote(namesOf(kind).join(' '))}`,
    ),
    `#define SYNQ_LISTENERS_COLUMNS ${quote(schema.listeners.map(({ name }) => name).join(' '))}`,
    '',
    '/* Kinds of records, and their letters and columns. */',
    `enum synq_record_kind {\n${records.map(({ record }) => `\tSYNQ_RECORD_${upper(record)},\n`).join('')}\tSYNQ_RECORD_KINDS\n};`,
    '',
    `#define SYNQ_RECORD_LETTERS { ${records.map(({ letter }) => `'${letter}'`).join(', ')} }`,
    `#define SYNQ_RECORD_COLUMNS ${braces(records.map(({ letter }) => `SYNQ_COLUMNS_${letter}`))}`,
    '',
    '/* Bit N asks for SYNQ_KIND_WORDS[N]. */',
    ...words.map((word, i) => `#define SYNQ_KIND_${upper(word)} (1U << ${i})`),
    '',
    `#define SYNQ_OUTCOME_NAMES ${braces(schema.outcomes.map((name) => `[${id(name)}] = ${quote(name)}`))}`,
    `#define SYNQ_CAUSE_NAMES ${braces(schema.causes.map(({ name }) => `[SYNQ_CAUSE_${upper(name)}] = ${quote(name)}`))}`,
    `#define SYNQ_KIND_WORDS ${braces(words.map(quote))}`,
    '',
    `#define SYNQ_FILTER_KEYS ${quote(schema.filter.map(({ key }) => key).join(' '))}`,
    `#define SYNQ_FILTER_LIST(KEY) ${schema.filter.map(({ key }) => `KEY(${key}, ${upper(key)})`).join(' ')}`,
    ...schema.filter.flatMap((one) => limits(one.key, one)),
    ...schema.parameters.flatMap((one) => limits(one.name, one)),
    '',
    '#endif /* SYNQ_SCHEMA_H */',
  ];
  return `${lines.join('\n')}\n`;
}

/** Return the definitions in schema.h for a filter key or a parameter. */
function limits(name, one) {
  const prefix = `SYNQ_${upper(name)}`;
  const lines = [
    '',
    `#define ${prefix}_ALLOWED ${quote(allowed(one))}`,
    `#define ${prefix}_HELP ${quote(parm(one))}`,
  ];
  if (one.min !== undefined) {
    const unsigned = one.max > 0x7fffffff ? 'U' : '';
    lines.push(
      `#define ${prefix}_MIN ${one.min}`,
      `#define ${prefix}_MAX ${one.max}${unsigned}`,
      `#define ${prefix}_DEFAULT ${one.default}`,
    );
  } else if (one.values !== undefined) {
    lines.push(
      `#define ${prefix}_WORDS { ${one.values.map(quote).join(', ')} }`,
      `#define ${prefix}_COUNT ${one.values.length}`,
    );
  }
  return lines;
}

// ---- Documents ----

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

function columnTable(...letters) {
  const kinds = letters.map((one) => schema.kinds.find(({ letter }) => letter === one));
  const columns = kinds.flatMap((kind) => columnsOf(kind).map((column) => ({ ...column, kind })));
  const has = (key) => columns.some((column) => column[key] && column.name !== 'time');
  const from = kinds.some(({ counters: names }) => names) ? false : has('from');
  const heads = ['column', ...(has('unit') ? ['unit'] : []), 'is', ...(from ? ['taken from'] : [])];
  const rows = columns.map(({ name, unit = '', doc, from: source = '' }) => [
    `\`${name}\``,
    ...(has('unit') ? [unit] : []),
    doc,
    ...(from ? [source] : []),
  ]);
  return table(heads, rows);
}

const code = (value) => `\`${value}\``;

function allowedDoc({ allowed: words, values, min, max }) {
  return words ?? (values === undefined ? `${min} to ${max}` : values.map(code).join(', '));
}

const defaultDoc = ({ default: value, unset }) =>
  `${code(value)}${unset === undefined ? '' : `: ${unset}`}`;

function filterTable() {
  return table(
    ['key', 'default', 'allowed', 'is'],
    schema.filter.map((one) => [
      code(one.key),
      defaultDoc(one),
      allowedDoc(one),
      one.doc ?? one.help,
    ]),
  );
}

function parameterTable() {
  return table(
    ['parameter', 'default', 'allowed', 'mode', 'is'],
    schema.parameters.map((one) => [
      code(one.name),
      defaultDoc(one),
      allowedDoc(one),
      one.mode,
      one.doc ?? one.help,
    ]),
  );
}

const namedTable = (head, rows) =>
  table(
    [head, 'is'],
    rows.map(({ name, doc }) => [code(name), doc]),
  );

function metricTable() {
  return table(
    ['metric', 'type', 'labels', 'is'],
    schema.metrics.map(({ name, type, labels, doc }) => [
      code(name),
      type,
      labels.map(code).join(', '),
      doc,
    ]),
  );
}

function statColumns() {
  return `Columns: ${code(schema.stat.join(' '))}.`;
}

/** Return the filter keys and parameters as a list in mdoc(7). */
function mdoc() {
  return [...schema.filter.map((one) => ({ ...one, name: one.key })), ...schema.parameters]
    .flatMap((one) => {
      const { name, values, argument = 'number' } = one;
      const takes = values === undefined ? `Ar ${argument}` : `Cm ${values.join(' | ')}`;
      const text = `${sentence(purpose(one))} (${defaultOf(one)}).`;
      return [`.It Cm ${name} Ns = Ns ${takes}`, wrap(text).replaceAll('(-', '(\\-')];
    })
    .join('\n');
}

const sentence = (text) =>
  text.replace(/^[a-z]/, (first) => (/^[a-z]+:/.test(text) ? first : upper(first)));

function wrap(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== '' && line.length + word.length >= 78) {
      lines.push(word);
    } else {
      lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
    }
  }
  return lines.join('\n');
}

// ---- JSON Schema ----

const JSON_TYPES = {
  time: { type: 'number' },
  number: { type: 'integer' },
};

function jsonColumn({ type, doc, means, optional }) {
  const description = (doc ?? means)?.replaceAll('`', '').replaceAll('\\|', '|');
  const base = JSON_TYPES[type] ?? { type: 'string' };
  // The module prints "-" if it does not know a value.
  const types = [base.type, ...(optional && base.type !== 'string' ? ['string'] : [])];
  // A column is null if the line lacks it.
  const shape = type === 'time' ? base : { type: [...types, 'null'] };
  return { ...shape, ...(description === undefined ? {} : { description }) };
}

function jsonRecord(kind) {
  const columns = columnsOf(kind);
  const of = kind.letter === 'L' ? (name) => (name === 'kind' ? 'of' : name) : (name) => name;
  const properties = Object.fromEntries(
    columns.map((column) => [of(column.name), jsonColumn(column)]),
  );
  return {
    type: 'object',
    properties: { kind: { const: kind.letter }, ...properties },
    // Older modules, and tcp_probe, lack the last columns.
    required: ['kind', 'time'],
  };
}

function jsonSchema() {
  const records = Object.fromEntries(schema.kinds.map((kind) => [kind.letter, jsonRecord(kind)]));
  const figures = Object.fromEntries(
    schema.counters.map((counter) => [counter.name, jsonColumn({ ...counter, type: 'number' })]),
  );
  const text = { type: ['string', 'null'] };
  return `${JSON.stringify(
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'tcpsynq',
      description: `A line of \`tcpsynq capture --format ndjson\`; $defs/count: the output of \`tcpsynq count --json\`. ${BY}.`,
      oneOf: [
        { $ref: '#/$defs/header' },
        ...schema.kinds.map(({ letter }) => ({ $ref: `#/$defs/${letter}` })),
      ],
      $defs: {
        header: {
          type: 'object',
          properties: {
            kind: { const: '#' },
            version: { type: ['integer', 'null'] },
            kernel: text,
            netns: text,
            boot_id: text,
            clock_offset: { type: ['number', 'null'] },
            filter: { type: 'object', additionalProperties: { type: 'string' } },
          },
          required: ['kind', 'version', 'kernel', 'netns', 'boot_id', 'clock_offset', 'filter'],
        },
        ...records,
        count: {
          type: 'object',
          properties: {
            time: text,
            source: { enum: ['module', 'proc', 'file', 'stdin'] },
            from: { type: 'string' },
            kernel: text,
            netns: text,
            ...figures,
            not_known: { type: 'array', items: { type: 'string' } },
          },
          required: ['time', 'source', 'from', 'kernel', 'netns', 'half_open', 'not_known'],
        },
      },
    },
    null,
    2,
  )}\n`;
}

// ---- Output ----

/** Return a document with each part between the markers of its name. */
function between(path, parts, [open, close, blank]) {
  let text = read(path);
  for (const [name, part] of Object.entries(parts)) {
    const [begin, end] = [`${open} ${name}${close}\n`, `${open} end of ${name}${close}\n`];
    const [at, to] = [text.indexOf(begin), text.indexOf(end)];
    if (at < 0 || to < at) {
      throw new Error(`${path} lacks the markers of "${name}"`);
    }
    text = `${text.slice(0, at + begin.length)}${blank}${part}\n${blank}${text.slice(to)}`;
  }
  return text;
}

const MARKDOWN = ['<!-- generated:', ' -->', '\n'];
const ROFF = ['.\\" generated:', '', ''];

function outputs() {
  return {
    'src/stream/schema.ts': typescript(),
    'src/export/metric-list.ts': metrics(),
    'kmod/schema.h': header(),
    'docs/json.schema.json': jsonSchema(),
    'docs/format.md': between(
      'docs/format.md',
      {
        ...Object.fromEntries(schema.kinds.map(({ letter }) => [letter, columnTable(letter)])),
        causes: table(
          ['cause', 'means'],
          schema.causes.map(({ name, doc }) => [code(name), doc]),
        ),
        filter: filterTable(),
        stat: statColumns(),
        listeners: namedTable('column', schema.listeners),
        parameters: parameterTable(),
      },
      MARKDOWN,
    ),
    'docs/export.md': between('docs/export.md', { metrics: metricTable() }, MARKDOWN),
    'man/tcpsynq.4': between('man/tcpsynq.4', { parameters: mdoc() }, ROFF),
  };
}

/**
 * Return the columns that were moved or removed since the last release. tcpsynq finds columns by
 * name, but awk scripts find them by position.
 */
function appendedOnly(released) {
  const problems = [];
  const compare = (what, before, now) => {
    const moved = before.findIndex((name, i) => now[i] !== name);
    if (moved >= 0) {
      problems.push(`${what}: column ${moved + 1} was ${before[moved]} in the last release`);
    }
  };
  for (const kind of released.kinds) {
    const now = schema.kinds.find(({ letter }) => letter === kind.letter);
    compare(kind.letter, kind.counters ?? namesOf(kind), now ? (now.counters ?? namesOf(now)) : []);
  }
  compare('stat', released.stat, schema.stat);
  const listeners = ({ listeners: columns }) => columns.map(({ name }) => name);
  compare('listeners', listeners(released), listeners(schema));
  return problems;
}

/** Return the schema of the newest release that this commit contains, or null. */
function lastRelease() {
  const git = (...args) => {
    try {
      const stdio = ['ignore', 'pipe', 'ignore'];
      return execFileSync('git', args, { cwd: top, encoding: 'utf8', stdio });
    } catch {
      return null;
    }
  };
  const tag = git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*')?.trim();
  const text = tag === undefined ? null : git('show', `${tag}:${SOURCE}`);
  return text === null ? null : JSON.parse(text);
}

const isCheck = process.argv[2] === 'check';
const problems = [];
for (const [path, text] of Object.entries(outputs())) {
  const before = (() => {
    try {
      return read(path);
    } catch {
      return null;
    }
  })();
  if (before === text) {
    continue;
  }
  if (isCheck) {
    problems.push(`${path} is stale: run \`npm run schema\``);
  } else {
    writeFileSync(join(top, path), text);
    console.log(`wrote ${path}`);
  }
}
const released = lastRelease();
if (released === null && isCheck) {
  console.log('lab/schema.mjs: no release here has a schema to compare with');
} else if (released !== null) {
  problems.push(...appendedOnly(released));
}
for (const problem of problems) {
  console.error(`lab/schema.mjs: ${problem}`);
}
process.exitCode = problems.length > 0 ? 1 : 0;
