import { describe } from '../failure.js';
import { byAddress, fullest } from '../proc/addresses.js';
import { COUNTER_METRICS } from './metric-list.js';
import { Exposition } from './metrics.js';
import { downReading, type HostReading, type NetnsReading } from './reading.js';

/** Options of an exposition. */
export interface ExpositionOptions {
  /** Maximum number of addresses per namespace that get their own series: see fullest(). */
  readonly listenersTop: number;
  /** The version of this command. */
  readonly version: string;
}

/**
 * Return a reading as text, with the metrics that `addOwn` adds. If a reading cannot be expressed
 * as metrics, return those of a host that is not up: every text has `tcpsynq_up`.
 *
 * @param tell receives the reason
 */
export async function textOf(
  reading: HostReading,
  seconds: number,
  shown: ExpositionOptions,
  addOwn: (exposition: Exposition) => void,
  tell: (text: string) => void,
): Promise<string> {
  const exposed = (one: HostReading) => {
    const out = expose(one, seconds, shown);
    addOwn(out);
    return out.text();
  };
  try {
    return await exposed(reading);
  } catch (error) {
    tell(describe(error));
    return exposed(downReading(reading.source));
  }
}

/** Convert a reading to metrics. Omit facts that the source does not know. */
export function expose(
  reading: HostReading,
  seconds: number,
  shown: ExpositionOptions,
): Exposition {
  const { source, up, status, others } = reading;
  const out = new Exposition();
  out.add('tcpsynq_up', up ? 1 : 0);
  out.add('tcpsynq_source_info', 1, { source });
  out.add('tcpsynq_build_info', 1, {
    version: shown.version,
    module_version: status?.version ?? '',
  });
  out.add('tcpsynq_exporter_read_seconds', seconds);
  if (status?.exact != null) {
    out.add('tcpsynq_exact', status.exact ? 1 : 0);
  }
  out.add('tcpsynq_taps_open', status?.taps?.open);
  out.add('tcpsynq_taps_limit', status?.taps?.max);
  // This counter covers the whole host, in whichever namespace it is read.
  out.add('tcpsynq_probe_misses_total', reading.namespaces[0]?.figures.missed);
  out.add('tcpsynq_netns_left_out', others?.leftOut);
  out.add('tcpsynq_processes_hidden', others?.hidden);
  for (const one of reading.namespaces) {
    exposeFigures(out, one);
    exposeListeners(out, one, shown.listenersTop);
  }
  return out;
}

function exposeFigures(out: Exposition, { netns, figures, drift }: NetnsReading): void {
  const own = { netns };
  for (const counter of Object.keys(COUNTER_METRICS) as (keyof typeof COUNTER_METRICS)[]) {
    const { name, labels } = COUNTER_METRICS[counter];
    out.add(name, figures[counter], { ...own, ...labels });
  }
  out.add('tcpsynq_audit_drift', drift, own);
}

function exposeListeners(out: Exposition, { netns, listeners }: NetnsReading, most: number): void {
  if (listeners === null) {
    return;
  }
  const addresses = byAddress(listeners);
  const shown = fullest(addresses, most);
  out.add('tcpsynq_listeners', listeners.length, { netns });
  out.add('tcpsynq_listeners_left_out', addresses.length - shown.length, { netns });
  for (const address of shown) {
    const own = { netns, listener: address.local };
    out.add('tcpsynq_listener_sockets', address.sockets, own);
    out.add('tcpsynq_listener_queue_length', address.qlen, own);
    out.add('tcpsynq_listener_queue_young', address.young, own);
    out.add('tcpsynq_listener_queue_limit', address.holds, own);
    out.add('tcpsynq_listener_queue_full_ratio', address.full, own);
    out.add('tcpsynq_listener_accept_queue_length', address.accept_qlen, own);
    out.add('tcpsynq_listener_accept_queue_limit', address.backlog, own);
    out.add('tcpsynq_listener_accept_queue_full_ratio', address.accept_full, own);
  }
}
