/** The input of a page's script, as JSON. */
export interface PageData {
  /** Seconds since 1970 at time 0 of the charts; null if no header has a clock offset. */
  readonly start: number | null;
  readonly charts: readonly Chart[];
}

/** A line, or a layer of a stack. Its colour is the name of a custom property of the style. */
export interface Series {
  readonly label: string;
  readonly colour: string;
  /** One value for each x; null breaks the line. */
  readonly values: readonly (number | null)[];
  readonly dashed?: boolean;
}

interface Drawn {
  /** The id of its element. */
  readonly id: string;
  /** The label of the y axis, with its unit. */
  readonly unit: string;
}

/** Lines over time, or layers on top of each other. */
export interface TimeChart extends Drawn {
  readonly kind: 'lines' | 'stack';
  /** Charts of one group are zoomed together. */
  readonly group: string;
  /**
   * How values are drawn: `on` holds a value until the next point, `back` since the previous one;
   * `join` joins the points by lines.
   */
  readonly hold: 'on' | 'back' | 'join';
  /**
   * The times of the points, in microseconds: the first since time 0 of the charts, each other
   * since the previous point.
   */
  readonly steps: readonly number[];
  readonly series: readonly Series[];
}

/** A bar for each of several consecutive ranges. */
export interface BarChart extends Drawn {
  readonly kind: 'bars';
  /** The label of the x axis. */
  readonly along: string;
  /** The beginning of each range. */
  readonly labels: readonly string[];
  readonly bars: Series;
}

export type Chart = TimeChart | BarChart;
