/** Yield the words of each line that has any. */
export function* rowsOf(text: string): Generator<string[], void, void> {
  for (let at = 0, end = 0; at < text.length; at = end + 1) {
    const newline = text.indexOf('\n', at);
    end = newline === -1 ? text.length : newline;
    const line = text.slice(at, end).trim();
    if (line !== '') {
      yield line.split(/\s+/);
    }
  }
}
