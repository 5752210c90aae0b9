import fc from 'fast-check';
import { expect, test } from 'vitest';
import { html, json } from '../../src/report/html.js';

test('every value is escaped, but what is HTML already', () => {
  const inner = html`<b>${'<i>'}</b>`;
  expect(html`<p title="${'"\'&'}">${inner}${[1, inner]}${null}</p>`.text).toBe(
    '<p title="&quot;&#39;&amp;"><b>&lt;i&gt;</b>1<b>&lt;i&gt;</b></p>',
  );
});

test('no text makes markup, or leaves its attribute', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
      expect(html`${text}`.text).not.toMatch(/[<>"'\u0000-\u001f\u202e]/);
    }),
  );
});

test('a text that is too long is cut', () => {
  expect(html`${'&'.repeat(70_000)}`.text).toBe(`${'&amp;'.repeat(500)}…`);
});

test('data come back as they were, and end no script', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (data) => {
      const { text } = json([data, '</script><!--']);
      expect(text).not.toContain('<');
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify([data, '</script><!--'])));
    }),
  );
});
