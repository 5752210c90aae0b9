import { type Host, note, writeAside } from '../terminal/host.js';
import { rate, seconds, size, whole } from '../terminal/text.js';
import type { CaptureTally } from './piece.js';

/** Shows a capture's progress: a line rewritten in place, on a terminal without other writers. */
export class Progress {
  readonly #shown: boolean;
  readonly #begun = performance.now();
  #at = this.#begun;
  #records = 0;
  #drawn = false;
  #lossTold = false;

  /**
   * @param alone whether no other process writes to the terminal
   * @param live whether losses happen now, so that the user can act on them
   */
  constructor(
    private readonly host: Host,
    private readonly tally: CaptureTally,
    alone: boolean,
    private readonly live: boolean,
  ) {
    this.#shown = alone && host.err.steerable;
  }

  /** Update the progress; call it about once a second. */
  async tick(bytes: number): Promise<void> {
    const { records, lost } = this.tally;
    if (lost > 0 && this.live && !this.#lossTold) {
      this.#lossTold = true;
      await this.note(`records are being lost: ${lost} by now`);
    }
    const now = performance.now();
    const perSecond = ((records - this.#records) / (now - this.#at)) * 1000;
    this.#at = now;
    this.#records = records;
    if (this.#shown) {
      const parts = [
        `${whole(records, true)} records`,
        `${rate(perSecond, true)}/s`,
        size(bytes),
        `lost ${whole(lost, true)}`,
      ];
      this.#drawn = true;
      const text = parts.join('   ').slice(0, this.host.err.columns - 1);
      await writeAside(this.host, `\r${text}\u001b[K`);
    }
  }

  /** Print a line on stderr, in place of the progress line. */
  async note(text: string): Promise<void> {
    if (this.#drawn) {
      this.#drawn = false;
      await writeAside(this.host, '\r\u001b[K');
    }
    await note(this.host, text);
  }

  /** Print the totals so far. */
  async report(bytes: number, where: string): Promise<void> {
    await this.note(`${this.#captured(bytes, where)}, lost ${this.tally.lost}`);
  }

  #captured(bytes: number, where: string): string {
    const took = (performance.now() - this.#begun) / 1000;
    return `${this.tally.records} records in ${seconds(took)}, ${size(bytes)} in ${where}`;
  }

  /** Print the totals at the end, in one line. */
  async summary(bytes: number, where: string, unwritten: number, deleted: number): Promise<void> {
    const { lost, problems } = this.tally;
    const rest = [
      ...(deleted > 0 ? [`older parts deleted: ${deleted}`] : []),
      ...(problems.count > 0 ? [`lines skipped: ${problems.count}`] : []),
      ...(unwritten > 0 ? [`last lines not written: ${unwritten}`] : []),
      lost > 0 && this.live
        ? `lost ${lost}: record less (--port, --addr), or load with a larger bufsize`
        : `lost ${lost}`,
    ];
    await this.note(`${this.#captured(bytes, where)}, ${rest.join(', ')}`);
  }
}
