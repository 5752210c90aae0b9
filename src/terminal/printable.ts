/** Control, format, separator and surrogate characters, and the replacement for invalid UTF-8. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\ufffd]/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * Escape characters that could move the cursor, change the terminal's state, reorder the text or
 * hide in it: `\x1b`, `\u202e`. For arguments, file names, process names and the text of files.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (one) => SHORT.get(one) ?? escapeCode(one.codePointAt(0) ?? 0));
}

function escapeCode(code: number): string {
  const digits = code.toString(16);
  if (code < 0x80) {
    return `\\x${digits.padStart(2, '0')}`;
  }
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}

/**
 * Matches text that UNSAFE may match. Most text has no such character, and needs no second search.
 */
const UNUSUAL = /[^ -~]/;

/** Return JSON with \uXXXX for what `printable` escapes: JSON.stringify() escapes only C0. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  return UNUSUAL.test(text) ? text.replace(UNSAFE, escapeUnits) : text;
}

/** Return the JSON of jsonText() with a newline. */
export function jsonLine(value: unknown): string {
  return `${jsonText(value)}\n`;
}

/** Escape each UTF-16 unit: JSON has no other escape for characters above U+FFFF. */
function escapeUnits(one: string): string {
  return one.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
