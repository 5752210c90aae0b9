import type UPlot from 'uplot';
import type { BarChart, Chart, PageData, TimeChart } from './data.js';

// This file draws the charts of a page. It is one of the page's script elements, after uPlot's: see
// src/report/assets.ts.

declare const uPlot: typeof UPlot;

/** Height of a chart in CSS pixels, without the legend. */
const HEIGHT = 230;
/** Minimum distance between two labels of the x axis, in CSS pixels. */
const LABEL_SPACE = 84;
const FONT = '12px system-ui, sans-serif';

/** Steps of a time axis, in seconds. */
const TIME_STEPS = [
  ...[-6, -5, -4, -3, -2, -1].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power)),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800],
  ...[1, 2, 3, 6, 12, 24, 48, 120, 240].map((hours) => hours * 3600),
  ...[20, 50, 100, 200, 500, 1000, 1e4, 1e5, 1e6].map((days) => days * 86_400),
];

/** A chart, its element, and its plot if drawn. */
interface Place {
  readonly chart: Chart;
  readonly element: HTMLElement;
  plot: UPlot | null;
}

/** Charts that show the same period, and the text of that period. */
interface Group {
  readonly places: Place[];
  readonly shown: HTMLOutputElement;
}

const root = document.documentElement;
const page = JSON.parse(document.getElementById('data')?.textContent ?? '') as PageData;
const groups = new Map<string, Group>();
const probe = document.body.appendChild(document.createElement('span'));
probe.hidden = true;

// ---- Words ----

/** Format a number with digits in groups of three. */
function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 3 }).replaceAll(',', '\u202f');
}

/** Format a time of the charts: in UTC if the start is known, else in seconds. */
function moment(time: number, step: number): string {
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  if (page.start === null) {
    return String(Number(time.toFixed(digits)));
  }
  const rounded = Math.round((page.start + time) * 10 ** digits) / 10 ** digits;
  const second = Math.floor(rounded);
  const iso = new Date(second * 1000).toISOString();
  if (step >= 86_400) {
    return iso.slice(0, 10);
  }
  const fraction = digits === 0 ? '' : (rounded - second).toFixed(digits).slice(1);
  return step >= 60 ? iso.slice(11, 16) : iso.slice(11, 19) + fraction;
}

function day(time: number): string {
  return new Date(((page.start ?? 0) + time) * 1000).toISOString().slice(0, 10);
}

/** Format a time to the millisecond, or within a short period to the microsecond. */
function exactly(time: number, stretch: number): string {
  const words = moment(time, stretch < 1 ? 1e-6 : 1e-3);
  return page.start === null ? `${words} s` : `${day(time)} ${words}`;
}

// ---- Looks ----

function colour(name: string): string {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function axis(label: string): UPlot.Axis {
  const grid = { stroke: colour('grid'), width: 1 };
  return {
    label,
    stroke: colour('text'),
    grid,
    ticks: { ...grid, size: 5 },
    font: FONT,
    labelFont: FONT,
    labelSize: 20,
    labelGap: 2,
  };
}

function yAxis(unit: string): UPlot.Axis {
  return {
    ...axis(unit),
    values: (_plot, splits) => splits.map((value) => number(value)),
    size: (_plot, values) =>
      18 + 7 * Math.max(1, ...(values ?? []).map((value) => String(value).length)),
  };
}

function fromZero(least: number | null, greatest: number | null): [number, number] {
  const [low, high] = [Math.min(0, least ?? 0), Math.max(0, greatest ?? 0)];
  return low === high ? [0, 1] : [low * 1.05, high * 1.05];
}

const BASE = {
  height: HEIGHT,
  padding: [10, 34, 0, 0],
} satisfies Partial<UPlot.Options>;

// ---- Lines and layers over time ----

/** Return the times whose labels are whole multiples of the step. */
function timeSplits(least: number, greatest: number, step: number): number[] {
  const start = page.start ?? 0;
  const first = Math.ceil((start + least) / step);
  const splits: number[] = [];
  for (let i = 0; (first + i) * step - start <= greatest; i++) {
    splits.push((first + i) * step - start);
  }
  return splits;
}

function timeAxis(times: readonly number[]): UPlot.Axis {
  const days = page.start === null ? '' : day(times[0] ?? 0);
  return {
    ...axis(page.start === null ? 'time (s)' : `time (UTC), from ${days}`),
    space: LABEL_SPACE,
    incrs: TIME_STEPS,
    splits: (_plot, _axis, least, greatest, step) => timeSplits(least, greatest, step),
    values: (_plot, splits, _axis, _space, step) => splits.map((time) => moment(time, step)),
    size: 34,
  };
}

type Values = readonly (number | null)[];

/** Return each layer plus those below it; the last layer is the lowest. */
function stacked(layers: readonly Values[]): Values[] {
  const sums: Values[] = [];
  for (const layer of [...layers].reverse()) {
    const below = sums[0];
    sums.unshift(layer.map((value, i) => (value === null ? null : value + (below?.[i] ?? 0))));
  }
  return sums;
}

function pathsOf(hold: TimeChart['hold']): UPlot.Series.PathBuilder {
  const { stepped, linear } = uPlot.paths;
  const builder = hold === 'join' ? linear?.() : stepped?.({ align: hold === 'on' ? 1 : -1 });
  return builder as UPlot.Series.PathBuilder;
}

function timeOptions(chart: TimeChart, times: readonly number[], width: number): UPlot.Options {
  const isStack = chart.kind === 'stack';
  const stretch = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const value = (values: Values, at: number | null) => {
    const one = at === null ? null : (values[at] ?? null);
    return one === null ? '–' : number(one);
  };
  return {
    ...BASE,
    width,
    scales: {
      x: { time: false },
      y: { range: (_plot, least, greatest) => fromZero(least, greatest) },
    },
    axes: [timeAxis(times), yAxis(chart.unit)],
    cursor: { sync: { key: chart.group }, drag: { x: true, y: false, dist: 4 } },
    series: [
      {
        label: 'time',
        value: (_plot, time) => (time === null ? '–' : exactly(time, stretch)),
      },
      ...chart.series.map(({ label, colour: name, values, dashed }) => ({
        label,
        stroke: colour(name),
        width: isStack ? 1 : 1.6,
        paths: pathsOf(chart.hold),
        value: (_plot: UPlot, _raw: number, _series: number, at: number | null) =>
          value(values, at),
        ...(isStack
          ? { fill: colour(name), points: { show: false } }
          : { points: { fill: colour('page') } }),
        ...(dashed ? { dash: [6, 4] } : {}),
      })),
    ],
    hooks: {
      setScale: [(_plot, key) => key === 'x' && tell(chart.group)],
    },
  };
}

function timesOf({ steps }: TimeChart): number[] {
  let micros = 0;
  return steps.map((step) => {
    micros += step;
    return micros / 1e6;
  });
}

function drawTime(chart: TimeChart, element: HTMLElement): UPlot {
  const times = timesOf(chart);
  const values = chart.series.map((one) => one.values);
  const data = [times, ...(chart.kind === 'stack' ? stacked(values) : values)];
  return new uPlot(
    timeOptions(chart, times, element.clientWidth),
    data as UPlot.AlignedData,
    element,
  );
}

// ---- Bars ----

function drawBars({ labels, bars, unit, along }: BarChart, element: HTMLElement): UPlot {
  const options: UPlot.Options = {
    ...BASE,
    width: element.clientWidth,
    scales: {
      x: { time: false, range: [-0.5, labels.length - 0.5] },
      y: { range: (_plot, _least, greatest) => fromZero(0, greatest) },
    },
    axes: [
      {
        ...axis(element.clientWidth < 500 ? 'from SYN-ACK to final ACK' : along),
        space: 58,
        incrs: [1, 2, 3, 4, 5, 10, 20],
        values: (_plot, splits) => splits.map((at) => labels[at] ?? ''),
        size: 34,
        grid: { show: false },
      },
      yAxis(unit),
    ],
    cursor: { drag: { x: false, y: false } },
    series: [
      { label: 'from', value: (_plot, at) => (at === null ? '–' : (labels[at] ?? '–')) },
      {
        label: bars.label,
        width: 0,
        fill: colour(bars.colour),
        paths: uPlot.paths.bars?.({ size: [0.86, 60] }) as UPlot.Series.PathBuilder,
        points: { show: false },
        value: (_plot, value) => (value === null ? '–' : number(value)),
      },
    ],
  };
  return new uPlot(options, [labels.map((_, i) => i), [...bars.values]], element);
}

// ---- The stretch of time that is shown ----

function shownBy({ places }: Group): UPlot.Scale | undefined {
  return places.find(({ plot }) => plot !== null)?.plot?.scales.x;
}

function tell(name: string): void {
  const group = groups.get(name);
  const scale = group && shownBy(group);
  if (group !== undefined && scale?.min != null && scale.max != null) {
    const stretch = scale.max - scale.min;
    group.shown.value = `${exactly(scale.min, stretch)} to ${exactly(scale.max, stretch)}`;
  }
}

/** Show a period `factor` times as long, moved by `shift` times the current length. */
function zoom(group: Group, factor: number, shift: number): void {
  const scale = shownBy(group);
  if (scale?.min == null || scale.max == null) {
    return;
  }
  const length = scale.max - scale.min;
  const middle = scale.min + length * (0.5 + shift);
  const half = (length * factor) / 2;
  for (const { plot } of group.places) {
    plot?.setScale('x', { min: middle - half, max: middle + half });
  }
}

function showAll({ places }: Group): void {
  for (const { plot } of places) {
    const times = plot?.data[0] ?? [];
    plot?.setScale('x', { min: times[0] ?? 0, max: times.at(-1) ?? 1 });
  }
}

/** Make the buttons of a group, above its first chart. */
function makeGroup(before: HTMLElement): Group {
  const bar = document.createElement('div');
  bar.className = 'zoom';
  const group = { places: [], shown: document.createElement('output') };
  const button = (text: string, label: string, act: () => void) => {
    const made = document.createElement('button');
    made.type = 'button';
    made.textContent = text;
    made.setAttribute('aria-label', label);
    made.title = label;
    made.addEventListener('click', act);
    bar.append(made);
  };
  button('−', 'show a longer time', () => zoom(group, 2, 0));
  button('+', 'show a shorter time', () => zoom(group, 0.5, 0));
  button('◀', 'earlier', () => zoom(group, 1, -0.5));
  button('▶', 'later', () => zoom(group, 1, 0.5));
  button('all', 'show all of it (or double-click a chart)', () => showAll(group));
  bar.append(group.shown);
  before.before(bar);
  return group;
}

// ---- The page ----

function draw(place: Place): void {
  const { chart, element, plot } = place;
  if (element.clientWidth === 0) {
    return;
  }
  const { min, max } = plot?.scales.x ?? {};
  plot?.destroy();
  place.plot = chart.kind === 'bars' ? drawBars(chart, element) : drawTime(chart, element);
  if (min != null && max != null) {
    place.plot.setScale('x', { min, max });
  }
}

const places = page.charts.flatMap((chart): Place[] => {
  const element = document.getElementById(chart.id);
  if (element === null) {
    return [];
  }
  const place: Place = { chart, element, plot: null };
  if (chart.kind !== 'bars') {
    const figure = element.closest('.pair') ?? element.closest('figure') ?? element;
    const group = groups.get(chart.group) ?? makeGroup(figure as HTMLElement);
    groups.set(chart.group, group);
    group.places.push(place);
  }
  return [place];
});

/** Draws a chart when its element gets room, and resizes it to that room. */
const fitting = new ResizeObserver((changes) => {
  for (const place of places.filter(({ element }) =>
    changes.some((one) => one.target === element),
  )) {
    const { plot, element } = place;
    if (plot === null) {
      draw(place);
    } else if (element.clientWidth > 0 && element.clientWidth !== plot.width) {
      plot.setSize({ width: element.clientWidth, height: HEIGHT });
    }
  }
});
for (const { element } of places) {
  fitting.observe(element);
}

const redraw = () => places.forEach(draw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
new MutationObserver(redraw).observe(root, { attributeFilter: ['data-theme'] });

/** The theme before printing. */
let theme: string | undefined;
addEventListener('beforeprint', () => {
  theme = root.dataset.theme;
  root.dataset.theme = 'light';
  root.classList.add('printing');
  redraw();
});
addEventListener('afterprint', () => {
  root.classList.remove('printing');
  if (theme === undefined) {
    delete root.dataset.theme;
  } else {
    root.dataset.theme = theme;
  }
  redraw();
});
