/**
 * Draws some time after something has changed: never twice at once, and again afterwards if there
 * were changes meanwhile.
 */
export class Redraw {
  #timer: NodeJS.Timeout | null = null;
  #drawing: Promise<void> | null = null;
  #changed = false;

  /**
   * @param draw must not reject
   * @param wait in ms
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

  /** No more drawing; one that is under way is waited for. */
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
