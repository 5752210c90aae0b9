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
  /** One for each x; null breaks the line. */
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
  /** A value holds until the next point, since the previous one, or is joined to both by a line. */
  readonly hold: 'on' | 'back' | 'join';
  /** Microseconds: the first since `start`, each other since the previous one. */
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
