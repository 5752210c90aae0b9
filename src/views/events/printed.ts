import type { HalfOpen } from '../../aggregate/half-open.js';
import type { Host } from '../../terminal/host.js';
import { jsonLine } from '../../terminal/printable.js';
import { Pending } from '../ordered-output.js';
import type { RecordView } from '../records/view.js';
import type { TallySubject } from './tally.js';

/** Prints a tally once at the end, and after each interval if one is given. */
export class Printed extends Pending implements RecordView<HalfOpen> {
  #timer: NodeJS.Timeout | null = null;
  #due = false;
  #printed = false;

  /** @param interval in ms; null for the end only */
  constructor(
    host: Host,
    private readonly subject: TallySubject,
    private readonly json: boolean,
    interval: number | null,
  ) {
    super(host);
    if (interval !== null) {
      this.#timer = setInterval(() => void this.#tick(), interval);
    }
  }

  async finish(): Promise<void> {
    await this.close();
    await this.#print();
  }

  async close(): Promise<void> {
    if (this.#timer !== null) {
      clearInterval(this.#timer);
    }
  }

  async #tick(): Promise<void> {
    // Print nothing while stdout has not taken the last output.
    if (!this.#due) {
      this.#due = true;
      await this.#print().catch(() => this.host.stop());
      this.#due = false;
    }
  }

  async #print(): Promise<void> {
    const { out } = this.host;
    const between = this.#printed && !this.json ? '\n' : '';
    this.#printed = true;
    const text = this.json ? jsonLine(this.subject.json()) : this.subject.text();
    await out.write(`${between}${text}`);
  }
}
