/** Tells when a rate crosses a limit. */
export class Alert {
  on = false;
  /** Whether it was on at least once. */
  reached = false;
  /** The highest rate per second while it was on. */
  most = 0;

  /**
   * @param length seconds of an interval. A shorter interval counts as a whole one: a single record
   *   in a thousandth of a second is not a thousand a second.
   */
  constructor(
    /** Records per second at which the alert begins. */
    readonly limit: number,
    private readonly length: number,
  ) {}

  /**
   * End an interval.
   *
   * @returns the rate per second if it has just reached the limit or fallen below it; else null
   */
  judge(records: number): number | null {
    const rate = records / this.length;
    const on = rate >= this.limit;
    const turned = on !== this.on;
    this.on = on;
    if (on) {
      this.reached = true;
      this.most = Math.max(this.most, rate);
    }
    return turned ? rate : null;
  }
}
