/** Control, format, separator and surrogate characters, and what replaces invalid UTF-8. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\ufffd]/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/**
 * Escape what could move the cursor, change the terminal's state, reorder the text or hide in it:
 * `\x1b`, `\u202e`. For arguments, file names, process names and the text of files.
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
