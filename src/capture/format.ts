import { Converted } from './converted.js';
import { Csv } from './csv.js';
import type { FormatName } from './names.js';
import { Ndjson } from './ndjson.js';
import type { Format } from './piece.js';
import { RawFormat } from './raw.js';
import { TcpProbe } from './tcpprobe.js';

/**
 * Make the format of a capture.
 *
 * @param letters the kinds of records to write; null for all
 * @param limit records after which it is full
 */
export function makeFormat(name: FormatName, letters: string | null, limit: number): Format {
  switch (name) {
    case 'raw':
      return new RawFormat(limit);
    case 'tcpprobe':
      return new Converted(new TcpProbe(), 'S', limit);
    case 'csv':
      return new Converted(new Csv(letters ?? ''), letters, limit);
    case 'ndjson':
      return new Converted(new Ndjson(), letters, limit);
    default:
      return name satisfies never;
  }
}
