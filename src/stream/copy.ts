/** Copy a text. A slice keeps the whole text in memory; its copy does not. */
export function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
