import type { Column } from '../terminal/table.js';
import { type Html, html } from './html.js';

/** One column of a table on the page. */
type HtmlColumn = Column<string | Html>;

/** Return a table with row names in its first column. A wide table scrolls without the page. */
export function table(caption: string, columns: readonly HtmlColumn[]): Html {
  const rows = columns[0]?.cells.length ?? 0;
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
<table><caption>${caption}</caption>
<thead><tr>${columns.map(({ title, align }) => html`<th scope="col" class="${align}">${title}</th>`)}</tr></thead>
<tbody>${Array.from({ length: rows }, (_, row) => html`<tr>${columns.map((column, i) => cell(column, row, i === 0))}</tr>\n`)}</tbody>
</table></div>
`;
}

function cell({ align, cells }: HtmlColumn, row: number, isName: boolean): Html {
  const content = cells[row] ?? '';
  return isName
    ? html`<th scope="row" class="${align}">${content}</th>`
    : html`<td class="${align}">${content}</td>`;
}

/** Return a bar to show beside a number; `share` is its length, up to 1. */
export function bar(share: number): Html {
  const width = Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 10;
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="${width}" height="10"/></svg>`;
}

/** Convert the columns of a terminal's table for the page: their titles are not in capitals. */
export function onPage(columns: readonly HtmlColumn[]): HtmlColumn[] {
  return columns.map((one) => ({
    ...one,
    title: one.title.charAt(0) + one.title.slice(1).toLowerCase(),
  }));
}
