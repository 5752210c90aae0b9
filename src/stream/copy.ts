/** Copy a text. A slice of a text keeps all of it in memory, and its copy does not. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
