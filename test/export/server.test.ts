import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HttpConnections } from '../../src/export/connections.js';
import type { FirstRequest } from '../../src/export/first-request.js';
import { makeServer } from '../../src/export/server.js';
import { Shared } from '../../src/export/shared.js';
import { eventually } from '../eventually.js';

let server: Server;

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function serve(scrape: () => Promise<string>, open?: HttpConnections): Promise<string> {
  server = makeServer(scrape, open);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Send raw bytes, then `rest`, and return the response once the server closes the connection. */
function raw(bytes: string, rest?: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.setNoDelay(true);
    socket.write(bytes);
    if (rest !== undefined) {
      setTimeout(() => socket.write(rest), 2);
    }
  });
}

const scraped = async () => 'tcpsynq_up 1\n';

test('a client has 5 s for the headers, 10 s for a request', () => {
  server = makeServer(scraped);
  expect(server).toMatchObject({
    headersTimeout: 5000,
    requestTimeout: 10_000,
  });
});

describe('a connection has a deadline that nothing extends', () => {
  const ASK = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n';

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Connect a socket that accepts no byte of an answer. */
  function connected() {
    server = makeServer(scraped);
    const socket = new Duplex({ read() {}, write() {} });
    const connection = new HttpConnections().admit(socket as Socket) as FirstRequest;
    return { socket, connection };
  }

  /** Send bytes every second until the connection is closed, and return the seconds until then. */
  async function untilClosed(socket: Duplex, bytes: string): Promise<number> {
    for (let s = 0; ; s += 1) {
      if (socket.destroyed || s > 60) {
        return s;
      }
      socket.push(bytes);
      await vi.advanceTimersByTimeAsync(1000);
    }
  }

  test.each(['', '\r\n', 'X'])('10 s without a request, while %j comes', async (bytes) => {
    expect(await untilClosed(connected().socket, bytes)).toBe(10);
  });

  test('30 s from the request to the answer', async () => {
    const { socket, connection } = connected();
    socket.push(ASK);
    await vi.advanceTimersByTimeAsync(0);
    expect(connection.state).toBe('asked');
    expect(await untilClosed(socket, 'X')).toBe(30);
  });

  test('10 s from the answer to the end', async () => {
    const { socket, connection } = connected();
    socket.push(ASK);
    await vi.advanceTimersByTimeAsync(0);
    connection.write('tcpsynq_up 1\n');
    expect(connection.state).toBe('sending');
    expect(await untilClosed(socket, 'X')).toBe(10);
  });
});

test('bytes after a request are not read before the answer', async () => {
  let answer = (_text: string) => {};
  const open = new HttpConnections();
  const admitted: FirstRequest[] = [];
  const { admit } = open;
  open.admit = (socket) => {
    const one = admit.call(open, socket);
    admitted.push(one as FirstRequest);
    socket.on('data', (chunk) => {
      taken += chunk.length;
    });
    return one;
  };
  let taken = 0;
  await serve(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
    open,
  );
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.resume().on('error', () => {});
  socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('the request', () => admitted[0]?.state === 'asked');
  const before = taken;
  socket.write(Buffer.alloc(1 << 22));
  await pause(200);
  expect(taken - before).toBeLessThan(1 << 17);
  answer('tcpsynq_up 1\n');
  await new Promise((resolve) => socket.once('end', resolve));
  socket.destroy();
});

test('a client that closes its half after the request gets its answer', async () => {
  await serve(scraped);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  socket.end('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test('a client that sends no more is cut off soon after its time', async () => {
  await serve(scraped);
  server.headersTimeout = 100;
  const begun = performance.now();
  expect(await raw('GET /metrics HTTP/1.1\r\n')).toMatch(/^HTTP\/1\.1 408 /);
  // Node would look at its connections every 30 s.
  expect(performance.now() - begun).toBeLessThan(20_000);
});

test('GET and HEAD /metrics, GET /', async () => {
  const base = await serve(scraped);
  const got = await fetch(`${base}/metrics?collect=all`);
  expect([got.status, await got.text()]).toEqual([200, 'tcpsynq_up 1\n']);
  expect(got.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const head = await fetch(`${base}/metrics`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect(head.headers.get('content-length')).toBe('13');
  const root = await fetch(base);
  expect([root.status, await root.text()]).toEqual([200, 'tcpsynq: the metrics are at /metrics\n']);
});

test.each([
  ['http://127.0.0.1/metrics', 'tcpsynq_up 1\n'],
  ['HTTP://[::1]:19106/metrics?a=b', 'tcpsynq_up 1\n'],
  ['https://x', 'tcpsynq: the metrics are at /metrics\n'],
])('%s is the absolute form of a target', async (target, body) => {
  await serve(scraped);
  const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer.split('\r\n\r\n')[1]).toBe(body);
});

test.each([
  ['none', ''],
  ['two', 'Host: x\r\nhost: x\r\n'],
])('%s Host header: 400', async (_name, headers) => {
  await serve(scraped);
  const answer = await raw(`GET /metrics HTTP/1.1\r\n${headers}\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
});

test.each([
  '/metric',
  '/metrics/',
  '//metrics',
  '/./metrics',
  '/metrics/..',
  '/%6detrics',
  '/metrics%00',
  '/../../etc/passwd',
  'http://127.0.0.1/metric',
  'ftp://127.0.0.1/metrics',
  '*',
  '/metrics#x',
])('%s is not a known path: 404 and one line', async (path) => {
  await serve(scraped);
  const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  expect(answer.split('\r\n\r\n')[1]).toBe('not found: the metrics are at /metrics\n');
});

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'])(
  '%s: 405 and one line, and a body is not waited for',
  async (method) => {
    await serve(scraped);
    const answer = await raw(
      `${method} /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).toContain('\r\nAllow: GET, HEAD\r\n');
    expect(answer.split('\r\n\r\n')[1]).toBe('not allowed: the metrics are for GET and HEAD\n');
  },
);

test('one request a connection, wherever its bytes are cut', async () => {
  await serve(scraped);
  const once = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n';
  const answer = await raw(once.repeat(100));
  expect(answer.match(/^HTTP\/1\.1 200 OK/gm)).toHaveLength(1);
  expect(answer).toContain('\r\nConnection: close\r\n');
  expect(answer.split('\r\n\r\n')[1]).toBe('tcpsynq_up 1\n');
  for (let at = 1; at < once.length; at += 1) {
    const cut = await raw(once.slice(0, at), `${once.slice(at)}GET / HTTP/1.1\r\n\r\n`);
    expect(cut.match(/^HTTP\/1\.1 200 OK/gm)).toHaveLength(1);
  }
});

test('not HTTP, or too long: refused, and the next one is served', async () => {
  const base = await serve(scraped);
  expect(await raw(`GET /metrics HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 /,
  );
  expect(await raw(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  expect(await raw('\u0016\u0003\u0001 no HTTP\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await raw('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
  expect((await fetch(`${base}/metrics`)).status).toBe(200);
});

test('a scrape that fails is a 503 with one line', async () => {
  const base = await serve(() => Promise.reject(new Error('no\nluck')));
  const got = await fetch(`${base}/metrics`);
  expect([got.status, await got.text()]).toEqual([503, 'cannot read the figures: no\\nluck\n']);
});

describe('64 connections', () => {
  const ASK = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n';
  const clients: Socket[] = [];

  afterEach(() => {
    for (const one of clients.splice(0)) {
      one.destroy();
    }
  });

  /** Open connections that send some bytes and stay open, and wait until the server has them. */
  async function hold(count: number, bytes: string): Promise<Socket[]> {
    const opened = Array.from({ length: count }, () => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      socket.on('error', () => {});
      // Keep the client's side open after the server has closed its own.
      socket.allowHalfOpen = true;
      socket.write(bytes);
      socket.resume();
      return socket;
    });
    clients.push(...opened);
    await eventually(
      `${clients.length} connections`,
      async () => (await connections()) === clients.length,
    );
    await pause(50);
    return opened;
  }

  const isOver = (socket?: Socket) => socket?.readableEnded || socket?.closed;

  test.each([
    ['silent', ''],
    ['that send empty lines', '\n\n'],
    ['in the middle of a request', 'GET /metrics HTTP/1.1\r\nHost'],
    ['answered, and still open', ASK],
  ])('%s: a scrape takes the place of the oldest', async (_name, bytes) => {
    const base = await serve(scraped);
    const [oldest, ...others] = await hold(64, bytes);
    const newest = others.at(-1);
    for (let i = 0; i < 30; i += 1) {
      const got = await fetch(`${base}/metrics`, { headers: { Connection: 'close' } });
      expect(await got.text()).toBe('tcpsynq_up 1\n');
    }
    await eventually('the oldest to be closed', () => isOver(oldest));
    expect(isOver(newest)).toBe(bytes === ASK);
  });

  test('that do not take their answer: a scrape takes the place of the oldest', async () => {
    const open = new HttpConnections();
    const { admit } = open;
    let admitted = 0;
    open.admit = (socket) => {
      // For the first 64, act as if the kernel's send buffer were full.
      admitted += 1;
      if (admitted <= 64) {
        socket.write = () => false;
      }
      return admit.call(open, socket);
    };
    const base = await serve(scraped, open);
    await hold(64, ASK);
    await pause(1100);
    const got = await fetch(`${base}/metrics`, { headers: { Connection: 'close' } });
    expect(await got.text()).toBe('tcpsynq_up 1\n');
    expect([open.evicted, open.refused]).toEqual([1, 0]);
  });

  test('all waiting for an answer: a new one is refused, and one line says so', async () => {
    const told: string[] = [];
    const open = new HttpConnections((text) => told.push(text));
    let answer = (_text: string) => {};
    const reading = new Promise<string>((resolve) => {
      answer = resolve;
    });
    await serve(() => reading, open);
    const waiting = await hold(64, ASK);
    expect(await raw(ASK)).toBe('');
    expect(await raw(ASK)).toBe('');
    expect([open.evicted, open.refused]).toEqual([0, 2]);
    expect(told).toEqual([
      'all 64 connections are taken: closed 0 that kept us waiting, refused 1 up to now',
    ]);
    const answers = waiting.map((one) => new Promise((resolve) => one.once('end', resolve)));
    answer('tcpsynq_up 1\n');
    await Promise.all(answers);
    expect(await raw(ASK)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('one reading is shared', () => {
  test('by all clients that ask while it is under way', async () => {
    let readings = 0;
    let finish = () => {};
    const shared = new Shared(
      () =>
        new Promise<string>((resolve) => {
          readings += 1;
          finish = () => resolve(`reading ${readings}\n`);
        }),
      () => 0,
    );
    const base = await serve(() => shared.get());
    const asked = Array.from({ length: 20 }, () => fetch(`${base}/metrics`));
    await eventually('20 connections', async () => (await connections()) === 20);
    await pause(50);
    finish();
    const texts = await Promise.all(asked.map(async (one) => (await one).text()));
    expect(new Set(texts)).toEqual(new Set(['reading 1\n']));
    const next = shared.get();
    finish();
    expect(await next).toBe('reading 2\n');
  });

  test('and after it while it is valid; a failed one is not', async () => {
    let readings = 0;
    const keep = (value: number) => (value === 2 ? 60_000 : 0);
    const shared = new Shared(async () => {
      readings += 1;
      if (readings === 1) {
        throw new Error('not yet');
      }
      return readings;
    }, keep);
    await expect(shared.get()).rejects.toThrow('not yet');
    expect([await shared.get(), await shared.get(), await shared.get()]).toEqual([2, 2, 2]);
  });
});

function connections(): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
