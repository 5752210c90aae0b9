import { createHash } from 'node:crypto';
import { Html, html, json } from './html.js';
import type { PageData } from './page/data.js';
import type { Section } from './section.js';

/** Scripts and styles inside the page, which loads no files. */
export interface Assets {
  readonly styles: readonly string[];
  /** Scripts, run in this order. */
  readonly libraries: readonly string[];
  readonly modules: readonly string[];
}

/** A figure at the head of the page. */
export interface Headline {
  readonly name: string;
  readonly value: string;
  /** Whether it needs attention. */
  readonly warn?: boolean;
}

export interface Document {
  readonly title: string;
  /** A summary of the recording, in one line. */
  readonly subtitle: string;
  readonly headlines: readonly Headline[];
  readonly sections: readonly Section[];
  readonly start: number | null;
}

/**
 * Return the page as one document. Its Content-Security-Policy allows only the scripts and styles
 * inside it.
 */
export function pageOf(
  { title, subtitle, headlines, sections, start }: Document,
  { styles, libraries, modules }: Assets,
): string {
  const data: PageData = { start, charts: sections.flatMap(({ charts }) => charts) };
  const scripts = [...libraries, ...modules];
  const policy = `default-src 'none'; style-src ${hashes(styles)}; script-src ${hashes(scripts)}; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="tcpsynq report">
<title>${title}</title>
${styles.map((text) => html`<style>${new Html(text)}</style>\n`)}</head>
<body>
<header>
<h1>${title}</h1>
<p>${subtitle}</p>
<button id="theme" type="button" hidden>dark or light</button>
</header>
<dl class="headlines">
${headlines.map(({ name, value, warn }) => html`<div class="${warn ? 'warn' : 'plain'}"><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
<nav aria-label="Contents"><ul>${sections.map(({ id, heading }) => html`<li><a href="#${id}">${heading}</a></li>`)}</ul></nav>
<noscript><p class="warn">The charts need JavaScript; the tables do not.</p></noscript>
<main>
${sections.map(({ id, heading, body }) => html`<section id="${id}" aria-labelledby="${id}-heading">\n<h2 id="${id}-heading">${heading}</h2>\n${body}</section>\n`)}</main>
<script type="application/json" id="data">${json(data)}</script>
${libraries.map((text) => html`<script>${new Html(text)}</script>\n`)}${modules.map((text) => html`<script type="module">${new Html(text)}</script>\n`)}</body>
</html>
`.text;
}

function hashes(texts: readonly string[]): string {
  return texts
    .map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
    .join(' ');
}
