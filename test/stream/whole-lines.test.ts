import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_LINE } from '../../src/stream/parser.js';
import { WholeLines } from '../../src/stream/whole-lines.js';

test('only whole lines are handed on, and no byte is lost, wherever the bytes are cut', () => {
  const chunk = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 20 });
  fc.assert(
    fc.property(fc.array(chunk), (chunks) => {
      const whole = new WholeLines();
      let given = '';
      for (const one of chunks) {
        // Overwrite the chunk after the call, because readers reuse its memory.
        const bytes = Buffer.from(one);
        given += whole.add(bytes);
        bytes.fill('x');
        expect(given).toMatch(/^$|\n$/);
      }
      expect(whole.isCut).toBe(!/^$|\n$/.test(chunks.join('')));
      expect(given + whole.rest()).toBe(chunks.join(''));
      expect(whole.taken).toBe(chunks.join('').length);
    }),
  );
});

test('hands on the beginning of a line that is too long, and drops its end', () => {
  const whole = new WholeLines();
  const long = Buffer.alloc(MAX_LINE + 1, 'x');
  expect(whole.add(Buffer.from('a\nb'))).toEqual(Buffer.from('a\n'));
  expect(whole.add(long)).toHaveLength(long.length + 1);
  expect(whole.add(Buffer.from('c'))).toHaveLength(0);
  expect(String(whole.drop())).toBe('\n');
  expect(whole).toMatchObject({ isCut: false, taken: 2 + 1 + long.length + 1 });
});
