const ASCII = /^[\0-\x7f]*$/;

/**
 * Apply a function to a field, which has one character for each byte of its UTF-8, and return the
 * result in the same form.
 */
export function onText(bytes: string, change: (text: string) => string): string {
  return ASCII.test(bytes)
    ? change(bytes)
    : Buffer.from(change(Buffer.from(bytes, 'latin1').toString())).toString('latin1');
}
