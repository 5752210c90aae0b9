import { Recording } from '../aggregate/recording.js';
import { Failure } from '../failure.js';
import { type Drawn, draw } from '../plot/draw.js';
import { Products } from '../plot/products.js';
import { Redraw } from '../plot/redraw.js';
import { openCapture } from '../source/bytes.js';
import { Damage } from '../source/damage.js';
import { baseOf } from '../source/file.js';
import { type Batch, readBatches } from '../stream/reader.js';
import type { SrttUnit } from '../stream/srtt.js';
import { type Host, note } from '../terminal/host.js';
import { count, printable, render, seconds } from '../terminal/text.js';
import { drawRecording } from '../views/plot/recording.js';
import { captureOf, checkInput, refuse, unitOf, wantedOf } from './options.js';
import type { PlotOptions } from './plot.options.js';
import { printJson, tellProblems } from './print.js';

/** Minimum interval between two drawings with --follow, in ms. */
const REDRAW_MS = 1000;
/** Columns of a drawing if stdout is not a terminal. */
const PLAIN_COLUMNS = 80;

/** Run `tcpsynq plot`: draw a capture, and write the script and the data of the picture. */
export async function plot(
  host: Host,
  file: string | undefined,
  options: PlotOptions,
): Promise<void> {
  const input = captureOf('plot', file, options, ' (`tcpsynq trace` draws live)');
  const { follow, terminal } = options;
  check(input, options);
  const recording = new Recording(wantedOf(options));
  const products = terminal
    ? null
    : new Products(options.output ?? baseOf(input), options.format ?? 'png');
  await products?.check(input, options.connections, options.force === true);
  const bytes = openCapture(input, { follow }, () => host.stdin(), host.signal);
  const show = shower(host, bytes.name, recording, products, options);
  const damage = new Damage();
  await read(host, damage.before(readBatches(bytes.chunks, host.signal)), recording, show, options);
  const { size, passedOver } = recording.connections;
  if (isEmpty(recording) || (size === 0 && passedOver > 0)) {
    if (damage.failure === null && host.signal.aborted) {
      await note(host, `${bytes.name} held no samples and no counts yet`);
      return;
    }
    throw damage.failure ?? new Failure(nothing(bytes.name, recording));
  }
  await show();
  if (!host.out.closed) {
    await note(host, summary(recording, options));
  }
  await tellProblems(host, recording.problems);
  if (options.srttUnit !== undefined && recording.samples.tcpProbe === 0) {
    await note(host, `--srtt-unit changed nothing: ${bytes.name} has no lines of tcp_probe`);
  }
  damage.report();
}

function isEmpty({ first, last }: Recording): boolean {
  return first > last;
}

/** Refuse options that exclude each other, and a plot without a name for its files. */
function check(input: string, options: PlotOptions): void {
  const { follow, terminal } = options;
  refuse({
    '--speed has no meaning here: a capture is drawn when it has been read':
      options.speed !== undefined,
  });
  checkInput({ ...options, input }, null);
  const asked = (['output', 'format', 'force', 'json'] as const).find(
    (name) => options[name] !== undefined,
  );
  refuse({
    [`--${asked} has no meaning with --terminal`]: terminal && asked !== undefined,
    '--terminal draws once: `tcpsynq trace -i FILE --follow` shows a capture as it grows':
      terminal && follow,
    'say with -o what the files are to be called: there is no name to take it from':
      !terminal && input === '-' && options.output === undefined,
  });
}

/** Return a function that shows the recording so far; it prints the file names once, on stdout. */
function shower(
  host: Host,
  name: string,
  recording: Recording,
  products: Products | null,
  options: PlotOptions,
): () => Promise<void> {
  let told = false;
  return async () => {
    if (products === null) {
      await onTerminal(host, recording, unitOf(recording, options), options);
      return;
    }
    const { format = 'png', connections } = options;
    const drawing = { name, format, connections, unit: unitOf(recording, options) };
    const drawn = await draw(recording, drawing, products, host.onExit);
    if (drawn.said !== '') {
      await note(host, `gnuplot: ${drawn.said}`);
    }
    if (!told) {
      told = true;
      await tell(host, drawn, recording, options);
    }
  };
}

/** Read the capture, and with --follow show it as it grows. */
async function read(
  host: Host,
  batches: AsyncIterable<Batch>,
  recording: Recording,
  show: () => Promise<void>,
  { follow }: PlotOptions,
): Promise<void> {
  let failure: unknown = null;
  const redraw = new Redraw(async () => {
    try {
      if (!isEmpty(recording)) {
        await show();
      }
    } catch (error) {
      failure = error;
      host.stop();
    }
  }, REDRAW_MS);
  try {
    for await (const batch of batches) {
      batch.to(recording);
      if (follow) {
        redraw.changed();
      }
    }
  } finally {
    await redraw.stop();
  }
  if (failure !== null) {
    throw failure;
  }
}

async function onTerminal(
  { out }: Host,
  recording: Recording,
  unit: SrttUnit,
  { connections }: PlotOptions,
): Promise<void> {
  const columns = out.tty ? out.columns : PLAIN_COLUMNS;
  for (const line of drawRecording(recording, connections, unit, columns)) {
    await out.write(`${render(line, columns, out.colour).trimEnd()}\n`);
  }
}

async function tell(
  host: Host,
  { picture, script, data }: Drawn,
  { connections }: Recording,
  options: PlotOptions,
): Promise<void> {
  if (options.json) {
    const shown = connections.sorted().slice(0, options.connections);
    await printJson(host, {
      event: 'plot',
      picture,
      script,
      data,
      connections: shown.map(({ local, remote, samples }) => ({ local, remote, samples })),
    });
  } else {
    const shown = (name: string) => (host.out.tty ? printable(name) : name);
    await host.out.write(`${[picture, script, ...data].map(shown).join('\n')}\n`);
  }
}

function summary(recording: Recording, options: PlotOptions): string {
  const { connections, samples, lost, counts, first, last } = recording;
  const all = connections.sorted();
  const left = all.slice(options.connections);
  const others = left.length + connections.forgotten;
  const unseen = left.reduce((sum, one) => sum + one.samples, connections.forgottenSamples);
  return [
    `${count(samples.own + samples.tcpProbe, 'sample')} of ${count(all.length + connections.forgotten, 'connection')} and ${count(counts.added, 'count')} in ${seconds(last - first)}`,
    ...(lost > 0 ? [`${count(lost, 'sample')} lost when it was recorded`] : []),
    ...(others > 0
      ? [
          `left out ${count(others, 'connection')} with ${count(unseen, 'sample')}: see --connections, --port, --addr, --connection`,
        ]
      : []),
  ].join('; ');
}

function nothing(name: string, { problems, connections }: Recording): string {
  return connections.passedOver > 0
    ? `none of the ${connections.passedOver} samples in ${name} is of a connection asked for`
    : `${name} holds no samples and no counts${problems.why}`;
}
