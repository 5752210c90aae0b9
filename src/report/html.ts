import { jsonText, printable } from '../terminal/printable.js';

/** A piece of a page that is already escaped. */
export class Html {
  constructor(readonly text: string) {}
}

/** A value in a template: anything but Html is text, and is escaped. */
type HtmlValue = string | number | Html | null | readonly HtmlValue[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Maximum characters shown of one text: a line of a capture may have up to 65,536. */
const LONGEST = 500;

/** Escape text for a page, including invisible characters, which are escaped as for a terminal. */
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

/** Return a template of HTML with escaped values, in text and in quoted attributes. */
export function html(pieces: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(
    pieces.map((piece, i) => (i === 0 ? piece : textOf(values[i - 1] ?? null) + piece)).join(''),
  );
}

/** Return data for a script element, without text that could end the element. */
export function json(data: unknown): Html {
  return new Html(jsonText(data).replaceAll('<', '\\u003c'));
}
