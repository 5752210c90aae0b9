import type { Loss } from '../stream/parser.js';
import { type Host, note } from '../terminal/host.js';
import { lossWords } from './watch/view.js';

/**
 * Characters after which text is written: the text of one batch may be a hundred times as long as
 * the batch.
 */
const MAX_PENDING = 64 * 1024;

/** Text for stdout and notes for stderr, in their order, until they can be written. */
export abstract class Pending {
  #pending: { text: string; readonly note: boolean }[] = [];
  #length = 0;

  constructor(protected readonly host: Host) {}

  get isFull(): boolean {
    return this.#length > MAX_PENDING;
  }

  note(text: string): void {
    this.#length += text.length;
    this.#pending.push({ text, note: true });
  }

  loss(loss: Loss): void {
    this.note(lossWords(loss));
  }

  protected line(text: string): void {
    this.#length += text.length;
    const last = this.#pending.at(-1);
    if (last === undefined || last.note) {
      this.#pending.push({ text: `${text}\n`, note: false });
    } else {
      last.text += `${text}\n`;
    }
  }

  async flush(): Promise<void> {
    this.#length = 0;
    for (const { text, note: aside } of this.#pending.splice(0)) {
      await (aside ? note(this.host, text) : this.host.out.write(text));
    }
  }
}
