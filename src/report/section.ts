import type { Clock } from '../stream/clock.js';
import type { Kind } from '../stream/columns.js';
import type { SrttUnit } from '../stream/srtt.js';
import type { Findings } from './findings.js';
import { type Html, html } from './html.js';
import type { Chart } from './page/data.js';

/** The input of every section of a report. */
export interface Context {
  readonly findings: Findings;
  /** The name of the capture, for headings. */
  readonly name: string;
  /** Why the reading ended before the capture did; null if it did not. */
  readonly cut: string | null;
  /** Number of connections shown, the busiest first. */
  readonly connections: number;
  readonly unit: SrttUnit;
  /** The version of the command that makes the report. */
  readonly version: string;
}

/** A part of the page with its own heading. */
export interface Section {
  readonly id: string;
  readonly heading: string;
  readonly body: Html;
  readonly charts: readonly Chart[];
}

/** Return a section of one line, with the reason for its lack of data. */
export function without(id: string, heading: string, why: string | Html): Section {
  return { id, heading, body: html`<p class="none">${why}</p>\n`, charts: [] };
}

/**
 * Return a section for absent records. It says whether there were none, or whether they were not
 * recorded.
 */
export function missing(
  id: string,
  heading: string,
  { origins }: Findings,
  kind: Kind,
  things: string,
): Section {
  const asked = origins.kept.some(({ filters }) =>
    filters.some((filter) => kindsOf(filter).includes(kind)),
  );
  const kinds = kind === 'count' ? kind : `count,${kind}`;
  return without(
    id,
    heading,
    asked
      ? `No ${things} while this was recorded.`
      : html`This capture holds no ${things}: record them with <code>tcpsynq capture --kinds ${kinds} FILE</code>`,
  );
}

function kindsOf(filter: string): string[] {
  return /(?:^| )kinds=(\S*)/.exec(filter)?.[1]?.split(',') ?? [];
}

/** Format a time of a capture for people: in UTC, or in seconds if the start is not known. */
export function timeWords(clock: Clock, time: number): string {
  return dateWords(clock.date(time)) ?? `${time.toFixed(3)} s`;
}

/** Return a date in UTC, in words; null for null. */
export function dateWords(date: Date | null): string | null {
  return date === null ? null : `${date.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** Return the place of a chart on the page, with a title and a note on its points. */
export function figure(chart: Chart, title: string, note: string | null): Html {
  return html`<figure>
<figcaption><b>${title}</b></figcaption>
<div class="chart" id="${chart.id}" role="img" aria-label="${title}"></div>
${note === null ? null : html`<p class="note">${note}</p>`}
</figure>
`;
}

/** Return figures that are hidden until the reader asks for them. */
export function more(summary: string, body: Html): Html {
  return html`<details><summary>${summary}</summary>\n${body}</details>\n`;
}
