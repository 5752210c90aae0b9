import { Places, TCP_PROBE_COLUMNS } from '../record/columns.js';
import type { Row } from '../record/row.js';
import type { Loss } from '../record/stream.js';
import type { Writer } from './converted.js';

/** The eleven columns of tcp_probe in Linux 4.15, bare; losses as comments, as `format=tcpprobe` has them. */
export class TcpProbe implements Writer {
  readonly eachEpoch = false;
  readonly #places = new Places(TCP_PROBE_COLUMNS);

  header(): string {
    return '';
  }

  row(row: Row): string {
    const texts = row.texts();
    const values = this.#places.of(row.columns).map((at) => texts[at] ?? '');
    // Logs older than rcv_wnd end without it, and still do.
    return `${values.join(' ').trimEnd()}\n`;
  }

  count(): string {
    return '';
  }

  loss({ time, of, lost, lost_total, produced_total }: Loss): string {
    return `# L ${time.toFixed(9)} ${of} ${lost} ${lost_total} ${produced_total}\n`;
  }
}
