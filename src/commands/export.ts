import { once } from 'node:events';
import type { Server } from 'node:http';
import { HttpConnections } from '../export/connections.js';
import { textOf } from '../export/exposition.js';
import { follow } from '../export/follow.js';
import { listen, MAX_PATH, type Place } from '../export/listen.js';
import type { Exposition } from '../export/metrics.js';
import { HostReader } from '../export/reading.js';
import { makeServer } from '../export/server.js';
import { Shared } from '../export/shared.js';
import { type StreamKind, StreamMetrics } from '../export/stream.js';
import { Failure } from '../failure.js';
import { isLoaded } from '../proc/module.js';
import { openNamespace } from '../proc/namespace.js';
import { replace } from '../replace.js';
import { openModuleStream } from '../source/bytes.js';
import { isLive, type LiveInput } from '../source/input.js';
import { pause, stretched } from '../source/pace.js';
import { type Host, note } from '../terminal/host.js';
import type { ExportOptions } from './export.options.js';
import { checkInput, refuse } from './options.js';

/**
 * Exporters use the ports 9100 to 9999, but Prometheus's list has assigned all of these. So take
 * another.
 */
const DEFAULT_PLACE = { host: '127.0.0.1', port: 19_106 };
const DEFAULT_NETNS = 100;

/** Time for the last scrapes to finish after a stop, in ms. */
const GRACE = 1000;
const FOR_ALL = 0o644;

/** Run `tcpsynq export`: serve the figures to Prometheus until stopped. */
export async function exportMetrics(
  host: Host,
  options: ExportOptions,
  version: string,
): Promise<void> {
  const input = check(options);
  const namespace = await openNamespace(options.netns);
  try {
    const tell = (text: string) => void note(host, text);
    const reader = new HostReader(
      {
        input,
        namespace,
        most: options.allNetns ? (options.netnsTop ?? DEFAULT_NETNS) : null,
      },
      tell,
    );
    const kinds = kindsOf(options);
    const stream = kinds.length > 0 ? new StreamMetrics(namespace.inode ?? '-', kinds) : null;
    // Open the stream of a loaded module now, so that an error is reported at once. A missing
    // module may be loaded later.
    const open = () => openModuleStream(namespace, { kinds: kinds.join(',') }, host.signal);
    const first = stream !== null && isLoaded(namespace) ? await open() : null;
    const scrape: Scraper = async (addOwn) => {
      const before = performance.now();
      const reading = await reader.read();
      const seconds = (performance.now() - before) / 1000;
      const text = await textOf(reading, seconds, { ...options, version }, addOwn, tell);
      if (options.textfile !== undefined && options.interval === undefined && !reading.up) {
        host.status = 1;
      }
      return { source: reading.source, text: text + ((await stream?.text()) ?? '') };
    };
    const following = stream === null ? null : follow(open, first, stream, tell, host.signal);
    await (options.textfile === undefined
      ? serve(host, placeOf(options), scrape)
      : write(host, options.textfile, options.interval, scrape));
    await following;
  } finally {
    namespace.close();
  }
}

interface Scrape {
  readonly source: 'module' | 'proc';
  readonly text: string;
}

/** Reads everything once. `addOwn` adds metrics of the exporter itself. */
type Scraper = (addOwn: (exposition: Exposition) => void) => Promise<Scrape>;

/** Refuse options that would silently have no effect. */
function check(options: ExportOptions): LiveInput {
  const { input, textfile, interval } = options;
  checkInput(options, null);
  const isStreamed = kindsOf(options).length > 0;
  refuse({
    'export reads this host: -i takes auto, module or proc here': !isLive(input),
    '--json has no meaning here: export has a format of its own': options.json,
    '--netns and --all-netns exclude each other': options.allNetns && options.netns !== undefined,
    '--netns-top needs --all-netns': options.netnsTop !== undefined && !options.allNetns,
    '--interval needs --textfile': interval !== undefined && textfile === undefined,
    '--textfile takes a file name that ends in .prom: node_exporter reads no other':
      textfile !== undefined && !/[^/]\.prom$/.test(textfile),
    '--handshake and --drops come from the module: -i proc has none':
      isStreamed && input === 'proc',
    '--handshake and --drops add up over time: --textfile needs --interval with them':
      isStreamed && textfile !== undefined && interval === undefined,
    [`--unix takes a path of ${MAX_PATH} bytes at most`]:
      Buffer.byteLength(options.unix ?? '') > MAX_PATH,
  });
  return input as LiveInput;
}

function kindsOf({ handshake, drops }: ExportOptions): StreamKind[] {
  return [...(handshake ? (['event'] as const) : []), ...(drops ? (['drop'] as const) : [])];
}

function placeOf({ listen: address, unix }: ExportOptions): Place {
  return unix === undefined ? (address ?? DEFAULT_PLACE) : { path: unix };
}

/** Answer over HTTP until stopped. */
async function serve(host: Host, place: Place, scrape: Scraper): Promise<void> {
  const connections = new HttpConnections((text) => void note(host, text));
  const addOwn = (exposition: Exposition) => {
    exposition.add('tcpsynq_exporter_connections_evicted_total', connections.evicted);
    exposition.add('tcpsynq_exporter_connections_refused_total', connections.refused);
  };
  // Without the module a reading walks all sockets: limit that to a tenth of the time.
  const shared = new Shared(
    () => scrape(addOwn),
    ({ source }, cost) => (source === 'proc' ? stretched(0, cost) - cost : 0),
  );
  const server = makeServer(async () => (await shared.get()).text, connections);
  const { name, remove } = await listen(server, place);
  const forget = host.onExit(remove);
  try {
    await note(host, `listening on ${name}`);
    if (!host.signal.aborted) {
      await once(host.signal, 'abort');
    }
  } finally {
    // Remove the socket before the server closes: while a server listens, no other exporter takes
    // the socket for stale.
    remove();
    forget();
    await close(server);
  }
}

/** Finish the requests under way, and accept no more. */
async function close(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), GRACE);
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}

/**
 * Write the file once, or until a signal comes. The first write must succeed. Report a later
 * failure, for example on a full disk, once, and try again after the interval.
 */
async function write(
  host: Host,
  path: string,
  interval: number | undefined,
  scrape: Scraper,
): Promise<void> {
  let failures = 0;
  let written = false;
  let trouble: string | null = null;
  const addOwn = (exposition: Exposition) => {
    exposition.add('tcpsynq_exporter_last_write_timestamp_seconds', Date.now() / 1000);
    exposition.add('tcpsynq_exporter_write_failures_total', failures);
  };
  do {
    const before = performance.now();
    const { text } = await scrape(addOwn);
    try {
      await replace(path, text, FOR_ALL);
      written = true;
      if (trouble !== null) {
        trouble = null;
        await note(host, `${path} can be written again`);
      }
    } catch (error) {
      if (!written || !(error instanceof Failure)) {
        throw error;
      }
      failures += 1;
      if (trouble !== error.message) {
        trouble = error.message;
        await note(host, `${trouble}; trying again at each interval`);
      }
    }
    const cost = performance.now() - before;
    if (interval !== undefined) {
      await pause(stretched(interval, cost) - cost, host.signal);
    }
  } while (interval !== undefined && !host.signal.aborted);
}
