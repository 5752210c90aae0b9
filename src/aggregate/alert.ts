/** Whether there are too many of something per second, and were before. */
export class Alert {
  on = false;
  /** It was on at some time. */
  reached = false;
  /** The most per second that there were while it was on. */
  most = 0;

  /**
   * @param length seconds of an interval. What began or ended within one is taken for as long: a
   * single record in a thousandth of a second is not a thousand a second.
   */
  constructor(
    /** Records per second at which it begins. */
    readonly limit: number,
    private readonly length: number,
  ) {}

  /**
   * An interval is over.
   *
   * @returns the rate per second if it has reached the limit now, or fallen below it now; else null
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
