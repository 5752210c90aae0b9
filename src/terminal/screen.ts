import type { Host, Keys } from './host.js';
import { type Line, render } from './text.js';

const ESC = '\u001b[';
/** Alternate screen, no cursor, and no wrapping of lines that are too long after a resize. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l`;
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`;
/** Terminals with synchronized updates show a frame as a whole; the others ignore these codes. */
const [BEGIN_FRAME, END_FRAME] = [`${ESC}?2026h`, `${ESC}?2026l`];

/** A full-screen picture. It restores the terminal at any exit of the process. */
export class Screen {
  readonly #keys: Keys | null;
  #forget: (() => void) | null = null;
  #drawing = false;

  constructor(
    private readonly host: Host,
    private readonly onKey: (key: string) => void,
  ) {
    this.#keys = host.keys();
  }

  get hasKeys(): boolean {
    return this.#keys !== null;
  }

  get entered(): boolean {
    return this.#forget !== null;
  }

  /** Draw over the old picture. Skip a frame while the terminal has not taken the last one. */
  async draw(lines: readonly Line[]): Promise<void> {
    if (this.#drawing) {
      return;
    }
    this.#drawing = true;
    const { out } = this.host;
    const { columns } = out;
    const rows = lines.slice(0, out.rows).map((line) => {
      const text = render(line, columns, out.colour);
      const plain = out.colour ? render(line, columns, false) : text;
      // After a character in the last column, "clear to end of line" would clear that character.
      return [...plain].length < columns ? `${text}${ESC}K` : text;
    });
    // A full screen has no line below to clear.
    const rest = rows.length < out.rows ? `\r\n${ESC}J` : '';
    const enter = this.entered ? '' : this.#enter();
    await out.write(`${enter}${BEGIN_FRAME}${ESC}H${rows.join('\r\n')}${rest}${END_FRAME}`);
    this.#drawing = false;
  }

  /** Restore the terminal; the next frame enters the screen again. */
  leave(): void {
    if (this.#forget !== null) {
      this.#forget();
      this.#forget = null;
      this.#keys?.close();
      void this.host.out.write(LEAVE);
    }
  }

  #enter(): string {
    this.#forget = this.host.onExit(() => this.leave());
    this.#keys?.listen(this.onKey);
    return ENTER;
  }
}
