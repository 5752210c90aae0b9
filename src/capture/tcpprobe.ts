import { Places } from '../stream/columns.js';
import type { Row } from '../stream/row.js';
import { TCP_PROBE_COLUMNS } from '../stream/schema.js';
import type { Writer } from './converted.js';

/**
 * Writes the eleven columns of tcp_probe in Linux 4.15, bare. It omits losses and only sums them
 * up: programs that read such logs stop at a line of another form.
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
    // Older logs lack rcv_wnd, the first ones also srtt, and so do their copies.
    return `${values.join(' ').trimEnd()}\n`;
  }

  count(): string {
    return '';
  }

  loss(): string {
    return '';
  }
}
