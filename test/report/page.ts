import type { PageData, TimeChart } from '../../src/report/page/data.js';

/** Return the data that a page gives its script. */
export function dataOf(page: string): PageData {
  const [, text = ''] =
    /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page) ?? [];
  return JSON.parse(text) as PageData;
}

/** Return a chart over time, by the id of its element. */
export function chartOf(page: string, id: string): TimeChart {
  const chart = dataOf(page).charts.find((one) => one.id === id);
  if (chart === undefined || chart.kind === 'bars') {
    throw new Error(`no chart ${id}`);
  }
  return chart;
}

/** Return the values of one line of a chart, without its gaps. */
export function valuesOf(chart: TimeChart, label: string): number[] {
  const values = chart.series.find((one) => one.label === label)?.values ?? [];
  return values.filter((value) => value !== null);
}

/** Return the visible text of a section, without markup. */
export function textOf(page: string, id: string): string {
  const start = page.indexOf(`<section id="${id}"`);
  const section = page.slice(start, page.indexOf('</section>', start));
  return section
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ')
    .trim();
}
