import type { Transform } from 'node:stream';
import split2 from 'split2';
import { type Count, type Header, type Loss, MAX_LINE } from '../stream/parser.js';
import { Problems } from '../stream/problems.js';
import { StreamReader, type Taker, type Unreadable } from '../stream/reader.js';
import type { Events, SourceEvent } from './source.js';

/**
 * Cuts at line ends and shortens lines over the limit, including the unfinished line that split2
 * keeps. So a file without line ends takes only the memory of one line, and the line still counts.
 */
const MATCHER = {
  [Symbol.split]: (text: string) => text.split('\n').map((line) => line.slice(0, MAX_LINE + 1)),
};

const NEWLINE = 0x0a;

/**
 * Bytes cut into lines at once. The lines become garbage, and a small amount of it is cheaper to
 * collect.
 */
const PIECE = 64 * 1024;

export class LineTally {
  records = 0;
  readonly problems = new Problems();
}

/** Read a stream of bytes as records; count unreadable lines in `tally`. */
export async function* decode(
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
  tally: LineTally,
): Events {
  const end = { isCut: false };
  const splitter = split2(MATCHER, eventsOfLines(tally, end));
  const pumped = pump(chunks, splitter, end);
  // `await pumped` below throws the error, after all events before it were yielded.
  pumped.catch(() => {});
  for await (const events of splitter as AsyncIterable<SourceEvent[]>) {
    if (signal.aborted) {
      return;
    }
    yield* events;
  }
  await pumped;
}

/**
 * Feed chunks. Unlike a pipeline, request the next chunk only after the last one was taken. Like a
 * pipeline, end when the reader of the output goes away.
 */
async function pump(
  chunks: AsyncIterable<Buffer>,
  into: Transform,
  end: { isCut: boolean },
): Promise<void> {
  let last = NEWLINE;
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length && !into.destroyed; at += PIECE) {
        await taken(chunk.subarray(at, at + PIECE), into);
      }
      last = chunk.at(-1) ?? last;
      if (into.destroyed) {
        return;
      }
    }
    end.isCut = last !== NEWLINE;
    into.end();
  } catch (error) {
    // End the output without the unfinished line.
    into.push(null);
    throw error;
  }
}

/** Write a piece, one character for each byte. Resolve when it was taken or the stream closed. */
function taken(piece: Buffer, into: Transform): Promise<void> {
  return new Promise((resolve) => {
    into.once('close', resolve);
    into.write(piece.toString('latin1'), 'utf8', () => {
      into.off('close', resolve);
      resolve();
    });
  });
}

/**
 * Return a function that returns the events of a line, or undefined, which split2 skips cheaply.
 *
 * @param end `isCut` means that the current line is the last one, and has no newline
 */
function eventsOfLines(
  tally: LineTally,
  end: { readonly isCut: boolean },
): (text: string) => SourceEvent[] | undefined {
  let announced = false;
  let stream: string | null = null;
  let latest = 0;
  const eventsOfRecord = (record: Count | Loss): SourceEvent[] => {
    tally.records += 1;
    const event: SourceEvent =
      record.kind === 'C' ? { type: 'count', count: record } : { type: 'loss', loss: record };
    const before = { stream, latest };
    latest = record.time;
    if (announced) {
      return [event];
    }
    announced = true;
    stream = identityOf(reader.header);
    // The next part of the same tap continues its epoch.
    if (stream !== null && stream === before.stream && latest >= before.latest) {
      return [event];
    }
    return [{ type: 'epoch', header: reader.header }, event];
  };
  const eventsOfProblem = ({ line, reason }: Unreadable): SourceEvent[] | undefined => {
    const { problems } = tally;
    problems.add(line, reason);
    return problems.count > 1 ? undefined : [{ type: 'note', text: `skipped ${problems.words}` }];
  };
  const reader = new StreamReader();
  /** A line gives at most one item. */
  let events: SourceEvent[] | undefined;
  const taker: Taker = {
    begin({ starts }) {
      announced &&= !starts;
    },
    take(item) {
      if (item.kind === 'C' || item.kind === 'L') {
        events = eventsOfRecord(item);
      } else if (item.kind === '!') {
        events = eventsOfProblem(item);
      }
    },
  };
  return (text) => {
    events = undefined;
    for (const batch of reader.push(Buffer.from(end.isCut ? text : `${text}\n`, 'latin1'))) {
      batch.to(taker);
    }
    for (const batch of end.isCut ? reader.end() : []) {
      batch.to(taker);
    }
    return events;
  };
}

/**
 * Return a text that is the same for all parts that one tap gave; null if the header has no clock
 * offset.
 */
function identityOf({ boot_id, netns, clock_offset }: Header): string | null {
  return clock_offset === null ? null : `${boot_id} ${netns} ${clock_offset}`;
}
