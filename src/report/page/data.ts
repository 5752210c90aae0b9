/** What the script of a page is given, as JSON. */
export interface PageData {
  /** Seconds since 1970 at which the time of the charts is 0; null where no header says so. */
  readonly start: number | null;
  readonly charts: readonly Chart[];
}

/** A line, or a layer of a stack, and its colour: the name of a custom property of the style. */
export interface Series {
  readonly label: string;
  readonly colour: string;
  /** One for each x; null: there is none, and the line is broken. */
  readonly values: readonly (number | null)[];
  readonly dashed?: boolean;
}

interface Drawn {
  /** Of the element that it is drawn in. */
  readonly id: string;
  /** What the y axis shows, with its unit. */
  readonly unit: string;
}

/** Lines over time, or layers that are drawn on top of each other. */
export interface TimeChart extends Drawn {
  readonly kind: 'lines' | 'stack';
  /** Charts of one group are zoomed together. */
  readonly group: string;
  /** A value holds until the next point, since the one before, or is joined to both by a line. */
  readonly hold: 'on' | 'back' | 'join';
  /** Microseconds: the first since `start`, the others each since the one before. */
  readonly steps: readonly number[];
  readonly series: readonly Series[];
}

/** A bar for each of several ranges that follow each other. */
export interface BarChart extends Drawn {
  readonly kind: 'bars';
  /** What the x axis shows. */
  readonly along: string;
  /** Where each range begins. */
  readonly labels: readonly string[];
  readonly bars: Series;
}

export type Chart = TimeChart | BarChart;
