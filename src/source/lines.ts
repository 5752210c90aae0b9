import type { Transform } from 'node:stream';
import split2 from 'split2';
import { type Count, type Header, type Loss, MAX_LINE } from '../stream/parser.js';
import { Problems } from '../stream/problems.js';
import { StreamReader, type Taker, type Unreadable } from '../stream/reader.js';
import type { Events, SourceEvent } from './source.js';

/**
 * Cuts at line ends and shortens lines over the limit, the unfinished line that split2 keeps
 * included: so a file without line ends takes no more memory than one line, and the line is still
 * counted.
 */
const MATCHER = {
  [Symbol.split]: (text: string) => text.split('\n').map((line) => line.slice(0, MAX_LINE + 1)),
};

const NEWLINE = 0x0a;

/** Bytes cut into lines at once: they become garbage, and a little is collected at less cost. */
const PIECE = 64 * 1024;

export class LineTally {
  records = 0;
  readonly problems = new Problems();
}

/** Reads a stream of bytes as records; what could not be read is counted in `tally`. */
export async function* decode(
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
  tally: LineTally,
): Events {
  const end = { isCut: false };
  const splitter = split2(MATCHER, eventsOfLines(tally, end));
  const pumped = pump(chunks, splitter, end);
  // It is heard below, when all that was read before it has come out.
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
 * Unlike a pipeline, asks for the next chunk when the last has been taken. Ends, as that does, when
 * nobody reads what comes out any more.
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
    // Ends what comes out without the line that was torn.
    into.push(null);
    throw error;
  }
}

/** Write a piece, a character for each byte, and resolve when it was taken or nothing is any more. */
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
 * Return what gives the events of a line, or undefined, which split2 passes over at little cost.
 *
 * @param end says whether the line at hand is the last one, without its end
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
  /** A line is one item at most. */
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

/** The same for every part of what one tap gave; null if the header does not tell. */
function identityOf({ boot_id, netns, clock_offset }: Header): string | null {
  return clock_offset === null ? null : `${boot_id} ${netns} ${clock_offset}`;
}
