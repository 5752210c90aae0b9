import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Failure } from '../failure.js';
import { replace } from '../replace.js';
import { readAssets } from '../report/assets.js';
import { Findings } from '../report/findings.js';
import { makePage } from '../report/report.js';
import type { Context } from '../report/section.js';
import { openCapture } from '../source/bytes.js';
import { Damage } from '../source/damage.js';
import { baseOf, isSame } from '../source/file.js';
import { readBatches, StreamReader } from '../stream/reader.js';
import { type Host, note } from '../terminal/host.js';
import { count, printable, seconds, size } from '../terminal/text.js';
import { captureOf, checkInput, refuse, unitOf } from './options.js';
import { printJson, tellProblems } from './print.js';
import type { ReportOptions } from './report.options.js';

/** Bytes of the page that are handed to stdout at once. */
const PIECE = 1 << 16;

/** Run `tcpsynq report`: make one page of HTML from a capture. */
export async function report(
  host: Host,
  file: string | undefined,
  options: ReportOptions,
  version: string,
): Promise<void> {
  const input = captureOf('report', file, options);
  const output = check(input, options);
  if (output !== '-') {
    await checkTarget(output, input, options.force === true);
  }
  const assets = await readAssets();
  const findings = new Findings(options.connections);
  const bytes = openCapture(input, {}, () => host.stdin(), host.signal);
  const damage = new Damage();
  const reader = new StreamReader();
  for await (const batch of damage.before(readBatches(bytes.chunks, host.signal, reader))) {
    batch.to(findings);
  }
  findings.end(reader.lines);
  if (findings.isEmpty) {
    throw damage.failure ?? new Failure(`${bytes.name} holds no records${findings.problems.why}`);
  }
  const context: Context = {
    findings,
    name: input === '-' ? bytes.name : basename(input),
    cut: damage.failure?.message ?? (host.signal.aborted ? 'the reading was stopped' : null),
    connections: options.connections,
    unit: unitOf(findings.recording, options),
    version,
  };
  const page = Buffer.from(makePage(context, options.title ?? context.name, assets));
  await write(host, output, page, options);
  if (!host.out.closed) {
    await note(host, summary(findings, page.length));
    await tellProblems(host, findings.problems);
    if (options.srttUnit !== undefined && findings.recording.samples.tcpProbe === 0) {
      await note(host, `--srtt-unit changed nothing: ${bytes.name} has no lines of tcp_probe`);
    }
  }
  damage.report();
}

/** Refuse options without effect. Return the file to which the page is written. */
function check(input: string, options: ReportOptions): string {
  checkInput({ ...options, input }, null);
  const asked = (['json', 'force'] as const).find((name) => options[name] !== undefined);
  refuse({
    '--speed has no meaning here: the report is made when all has been read':
      options.speed !== undefined,
    'say with -o where the page goes: there is no name to take it from':
      input === '-' && options.output === undefined,
    [`--${asked} has no meaning with -o -`]: options.output === '-' && asked !== undefined,
  });
  return options.output ?? `${baseOf(input)}.html`;
}

/**
 * Refuse to write over the capture itself, over another file without `force`, and to anything that
 * is not a file.
 */
async function checkTarget(path: string, input: string, force: boolean): Promise<void> {
  const isItself = isSame(path, input);
  refuse({
    [`"${path}" is not the name of a file`]: /^$|\/$/.test(path),
    [`the report would be written over ${input} itself: choose another name with -o`]: isItself,
  });
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory()) {
    throw new Failure(`cannot write ${path}: it is a directory`);
  }
  if (there !== null && !there.isFile()) {
    throw new Failure(`cannot write ${path}: it is no ordinary file; write to - and redirect that`);
  }
  if (there !== null && !force) {
    throw new Failure(`${path} is there already: give another name with -o, or --force`);
  }
}

async function write(
  host: Host,
  output: string,
  page: Buffer,
  options: ReportOptions,
): Promise<void> {
  if (output === '-') {
    for (let at = 0; at < page.length && !host.out.closed; at += PIECE) {
      await host.out.write(page.subarray(at, at + PIECE));
    }
    return;
  }
  await replace(output, page);
  if (options.json) {
    await printJson(host, { event: 'report', page: output, bytes: page.length });
  } else {
    await host.out.write(`${printable(output)}\n`);
  }
}

const NAMES: Readonly<Record<string, string>> = {
  C: 'count',
  S: 'sample',
  D: 'drop',
  X: 'close',
};

function summary({ ledger, first, last }: Findings, bytes: number): string {
  const events = ledger.of('A').recorded + ledger.of('R').recorded;
  const parts = [
    ...Object.entries(NAMES).map(([kind, name]) => [ledger.of(kind).recorded, name] as const),
    [events, 'event'] as const,
  ].filter(([number]) => number > 0);
  const things = parts.map(([number, name]) => count(number, name)).join(', ');
  return `${things} in ${seconds(last - first)} on a page of ${size(bytes)}`;
}
