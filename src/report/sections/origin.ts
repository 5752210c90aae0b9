import type { Origin } from '../../aggregate/origins.js';
import { count } from '../../terminal/text.js';
import { type Html, html } from '../html.js';
import { type Context, dateWords, type Section } from '../section.js';

/** Show the source of the recording, and its filters. */
export function originSection({ findings, name, version }: Context): Section {
  const { origins, recording } = findings;
  const body = html`<dl class="facts">
<dt>File</dt><dd>${name}</dd>
<dt>Report made by</dt><dd>tcpsynq ${version}</dd>
</dl>
${origins.kept.map((origin) => factsOf(origin))}
${origins.kept.length > 0 ? null : html`<p class="none">The file has no header: nothing is known of the host.</p>`}
${origins.forgotten === 0 ? null : html`<p class="note">${count(origins.forgotten, 'more header')} said something else again.</p>`}
${recording.samples.tcpProbe > 0 ? html`<p class="note">Samples are lines of tcp_probe, which do not say the unit of srtt.</p>` : null}
`;
  return { id: 'origin', heading: 'How it was recorded', body, charts: [] };
}

function factsOf({ header, headers, filters }: Origin): Html {
  const fact = (name: string, value: string | number | null) =>
    html`<dt>${name}</dt><dd>${value ?? 'not known'}</dd>\n`;
  const { clock_offset } = header;
  return html`<dl class="facts">
${fact('Kernel', header.kernel)}${fact('Boot id', header.boot_id)}${fact('Network namespace', header.netns)}${fact('Stream format', header.version)}${fact('Stream time 0', clock_offset === null ? null : startWords(clock_offset))}${
  filters.length === 0 ? fact('Filter', null) : filters.map((filter) => fact('Filter', filter))
}${headers > 1 ? fact('Headers', `${headers}, all the same`) : null}</dl>
`;
}

function startWords(seconds: number): string {
  const date = new Date(seconds * 1000);
  return dateWords(Number.isNaN(date.getTime()) ? null : date) ?? `${seconds} s`;
}
