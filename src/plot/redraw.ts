/**
 * Draws some time after a change: never twice at once, and again if there were changes during the
 * drawing.
 */
export class Redraw {
  #timer: NodeJS.Timeout | null = null;
  #drawing: Promise<void> | null = null;
  #changed = false;

  /**
   * @param draw must not reject
   * @param wait time from a change to its drawing, in ms
   */
  constructor(
    private readonly draw: () => Promise<void>,
    private readonly wait: number,
  ) {}

  changed(): void {
    this.#changed = true;
    if (this.#timer === null && this.#drawing === null) {
      this.#timer = setTimeout(() => this.#start(), this.wait);
    }
  }

  /** Wait for the drawing under way, and stop. */
  async stop(): Promise<void> {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
    }
    await this.#drawing;
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
    }
  }

  #start(): void {
    this.#timer = null;
    this.#changed = false;
    this.#drawing = this.draw().then(() => {
      this.#drawing = null;
      if (this.#changed) {
        this.changed();
      }
    });
  }
}
