import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { inWords } from '../failure.js';
import { printable } from '../terminal/text.js';
import { HttpConnections } from './connections.js';
import { CONTENT_TYPE } from './metrics.js';

/** Maximum bytes of the headers; Prometheus sends about 300. */
const LONGEST_HEADER = 8192;
/** Limits in ms for the headers, and for a whole request. See `DEADLINES_MS` for connections. */
const [HEADERS, REQUEST] = [5000, 10_000];
/** Interval between two checks of these limits, in ms. */
const LOOK_EVERY = 1000;

const PLAIN = 'text/plain; charset=utf-8';

/** Make a server for /metrics only. The limits above bound the cost of each client. */
export function makeServer(
  scrape: () => Promise<string>,
  connections: HttpConnections = new HttpConnections(),
): Server {
  const server = createServer(
    {
      maxHeaderSize: LONGEST_HEADER,
      headersTimeout: HEADERS,
      requestTimeout: REQUEST,
      connectionsCheckingInterval: LOOK_EVERY,
    },
    (request, response) => void answer(request, response, scrape),
  );
  const [take] = server.listeners('connection') as ((connection: Duplex) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket) => {
    const connection = connections.admit(socket);
    if (connection !== null) {
      take?.call(server, connection);
    }
  });
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  scrape: () => Promise<string>,
): Promise<void> {
  // Ignore errors of clients that disconnect.
  request.on('error', () => {});
  response.on('error', () => {});
  const path = pathOf(request.url ?? '');
  if (hosts(request) > 1) {
    refuse(response, 400, 'bad request: more than one Host header');
  } else if (path !== '/' && path !== '/metrics') {
    refuse(response, 404, 'not found: the metrics are at /metrics');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    refuse(response, 405, 'not allowed: the metrics are for GET and HEAD');
  } else if (path === '/') {
    send(response, 200, PLAIN, 'tcpsynq: the metrics are at /metrics\n');
  } else {
    try {
      send(response, 200, CONTENT_TYPE, await scrape());
    } catch (error) {
      refuse(response, 503, `cannot read the figures: ${printable(inWords(error))}`);
    }
  }
}

/** Return the path of a request target, in origin form or absolute form (RFC 9112 3.2). */
function pathOf(target: string): string {
  const [, path] = /^https?:\/\/[^/?#]+([^?#]*)/i.exec(target) ?? [];
  if (path !== undefined) {
    return path === '' ? '/' : path;
  }
  return target.split('?', 1)[0] ?? '';
}

/** Count the Host headers in the raw headers: in `headers`, Node keeps only the first. */
function hosts({ rawHeaders }: IncomingMessage): number {
  return rawHeaders.filter((name, i) => i % 2 === 0 && /^host$/i.test(name)).length;
}

function refuse(response: ServerResponse, status: number, why: string): void {
  send(response, status, PLAIN, `${why}\n`);
}

/** Send an answer and end the connection, without waiting for the request's body. */
function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  });
  // Node sends no body for HEAD.
  response.end(text);
}
