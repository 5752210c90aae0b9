import { Places } from '../stream/columns.js';
import type { Row } from '../stream/row.js';
import { TCP_PROBE_COLUMNS } from '../stream/schema.js';
import type { Writer } from './converted.js';

/**
 * Writes only the eleven columns of tcp_probe in Linux 4.15. It writes no line for a loss, since
 * programs that read such logs stop at a line of another form. The summary counts the losses.
 */
export class TcpProbe implements Writer {
  readonly eachEpoch = false;
  readonly #places = new Places(TCP_PROBE_COLUMNS);

  header(): string {
    return '';
  }

  row(row: Row): string {
    const texts = row.texts();
    const values = this.#places.of(row.columns).map((at) => texts[at] ?? '');
    // Older logs lack rcv_wnd, and the first ones also srtt. Their copies lack the same columns.
    return `${values.join(' ').trimEnd()}\n`;
  }

  count(): string {
    return '';
  }

  loss(): string {
    return '';
  }
}
