import { type Line, printable } from './text.js';

/** Room for a picture, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The content of the lines above and below the picture of a live screen. */
export interface Frame {
  readonly name: string;
  /** Facts about the source, the most important first: "module", kernel, namespace ... */
  readonly title: readonly string[];
  readonly clock: string;
  readonly paused: boolean;
  /** Keys and their effects, the most important first; null without a keyboard. */
  readonly keys: readonly string[] | null;
}

const GAP = '   ';

/** Return the name, the parts of the title that fit, and the time at the right edge. */
export function titleLine(frame: Frame, columns: number): Line {
  const end = frame.paused ? 'PAUSED' : frame.clock;
  let left = frame.name;
  for (const part of frame.title) {
    const longer = `${left}${GAP}${printable(part)}`;
    if (longer.length + GAP.length + end.length <= columns) {
      left = longer;
    }
  }
  const fill = Math.max(1, columns - left.length - end.length);
  return [
    { text: left, look: 'dim' },
    ' '.repeat(fill),
    { text: end, look: frame.paused ? 'warn' : 'dim' },
  ];
}

/** Return the keys, at the right edge. */
export function hintLine({ keys }: Frame, columns: number): Line {
  let text = keys === null ? 'Ctrl-C quits' : '';
  for (const key of keys ?? []) {
    const longer = text === '' ? key : `${text}${columns < 60 ? '  ' : GAP}${key}`;
    text = longer.length <= columns ? longer : text;
  }
  return [' '.repeat(Math.max(0, columns - text.length)), { text, look: 'dim' }];
}

/** Return a picture between its title and its keys, in as many rows as the terminal has. */
export function framed(picture: readonly Line[], frame: Frame, size: Size): Line[] {
  const rows = Math.max(0, size.rows - 2);
  const blank = new Array<Line>(Math.max(0, rows - picture.length)).fill([]);
  return [
    titleLine(frame, size.columns),
    ...picture.slice(0, rows),
    ...blank,
    hintLine(frame, size.columns),
  ];
}
