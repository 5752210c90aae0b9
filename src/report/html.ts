import { jsonText, printable } from '../terminal/printable.js';

/** A piece of a page, in which everything from outside is escaped already. */
export class Html {
  constructor(readonly text: string) {}
}

/** What may stand in a template: all but Html is text, and becomes harmless. */
type HtmlValue = string | number | Html | null | readonly HtmlValue[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Characters of one text that are shown: a line of a capture may have as many as 65 536. */
const LONGEST = 500;

/** Text for a page, as it is for a terminal too: without what is not seen. */
export function escaped(text: string): string {
  const characters = printable(text.slice(0, LONGEST + 1));
  const cut = text.length > LONGEST ? `${characters.slice(0, LONGEST)}…` : characters;
  return cut.replace(/[&<>"']/g, (one) => ESCAPES[one] as string);
}

function textOf(value: HtmlValue): string {
  if (value === null) {
    return '';
  }
  if (value instanceof Html) {
    return value.text;
  }
  return typeof value === 'object' ? value.map(textOf).join('') : escaped(String(value));
}

/** A template of HTML whose values are escaped, in text as in quoted attributes. */
export function html(pieces: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(
    pieces.map((piece, i) => (i === 0 ? piece : textOf(values[i - 1] ?? null) + piece)).join(''),
  );
}

/** Data for a script element: nothing in it can end the element. */
export function json(data: unknown): Html {
  return new Html(jsonText(data).replaceAll('<', '\\u003c'));
}
