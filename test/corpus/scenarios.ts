// Traffic with a verdict that an expert knows, at three sizes and with three seeds each. No rule of
// diagnose is tuned to a number in this file.

import type { State } from '../../src/diagnose/rules.js';
import { randomFrom, type Syn, type World } from './simulate.js';

export interface Scenario {
  readonly name: string;
  readonly state: State;
  /** The listener that the verdict must name; null if none, undefined if nothing is wrong. */
  readonly local?: string | null;
  /** The network that the verdict must name; undefined to accept any. */
  readonly sources?: RegExp;
  world(random: () => number, scale: number): World;
}

const SITE = '192.0.2.1:443';
const OTHER = '192.0.2.1:8443';
const SIX = '[2001:db8::1]:443';
const SECONDS = 6;
/** Initial counters of a host that has served for a while. */
const SERVED = { added: 50_000, completed: 49_700, expired: 100, reset: 200 };

type Random = () => number;
const whole = (random: Random, below: number) => Math.floor(random() * below);
const port = (random: Random) => 1024 + whole(random, 60_000);

/** Return a random address, as if from anywhere on the Internet. */
const anywhere = (random: Random) =>
  `${1 + whole(random, 222)}.${whole(random, 256)}.${whole(random, 256)}.${whole(random, 256)}:${port(random)}`;
const anywhere6 = (random: Random) =>
  `[2001:${whole(random, 65_536).toString(16)}:${whole(random, 65_536).toString(16)}:1::2]:${port(random)}`;
/** Make a function that returns a random client of a network. The same clients occur repeatedly. */
const from =
  (network: string, clients = 60) =>
  (random: Random) =>
    `${network}.${1 + whole(random, clients)}:${port(random)}`;
const HONEST = from('203.0.113');
/** Make a function that returns spoofed addresses in sequence, as simple tools do: few networks. */
const inTurn = () => {
  let n = 0;
  return (random: Random) => {
    n += 1;
    return `198.18.${n >> 8}.${n & 255}:${port(random)}`;
  };
};

interface Stream {
  /** SYNs per second. */
  readonly rate: number;
  readonly local?: string;
  readonly remote?: (random: Random) => string;
  readonly ends?: 'completed' | 'reset';
  /** Least time from a SYN to its end in ms, and the range of the random time added to it. */
  readonly after?: number;
  readonly spread?: number;
  /** Start and duration in ms. */
  readonly begins?: number;
  readonly lasts?: number;
}

/** Return SYNs at random times. */
function stream(random: Random, of: Stream): Syn[] {
  const { rate, local = SITE, remote = anywhere, ends, after = 40, spread = 30 } = of;
  const { begins = 0, lasts = SECONDS * 1000 - begins } = of;
  return Array.from({ length: Math.round((rate * lasts) / 1000) }, () => ({
    at: begins + random() * lasts,
    local,
    remote: remote(random),
    ...(ends === undefined ? {} : { ends, after: after + random() * spread, repeats: true }),
  }));
}

const honest = (random: Random, rate: number, of: Partial<Stream> = {}) =>
  stream(random, { rate, remote: HONEST, ends: 'completed', ...of });

interface Setting {
  readonly holds?: number;
  readonly cookies?: boolean;
  readonly others?: Readonly<Record<string, number>>;
  readonly fresh?: boolean;
  readonly acceptFull?: number;
}

function world(syns: readonly Syn[], of: Setting = {}): World {
  const { holds = 4097, cookies = true, others = {}, fresh = false, acceptFull = 0 } = of;
  return {
    seconds: SECONDS,
    holds: { [SITE]: holds, [OTHER]: 4097, [SIX]: holds, ...others },
    cookies,
    syns,
    acceptFull,
    ...(fresh ? {} : { before: SERVED }),
  };
}

/** Lose each SYN-ACK and final ACK with probability `loss`; repeats come after 1, 3 and 7 s. */
function lossy(random: Random, syns: readonly Syn[], loss: number): Syn[] {
  return syns.map((syn) => {
    const waits = [0, 1000, 3000, 7000];
    let tries = 0;
    while (tries < waits.length - 1 && random() < 1 - (1 - loss) ** 2) tries += 1;
    return { ...syn, after: (syn.after ?? 0) + (waits[tries] ?? 0) };
  });
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'spoofed flood, cookies off, the queue full',
    state: 'flood',
    local: SITE,
    world: (random, k) => world(stream(random, { rate: 400 * k }), { holds: 129, cookies: false }),
  },
  {
    name: 'spoofed flood absorbed by cookies, honest clients beside it',
    state: 'flood',
    local: SITE,
    world: (random, k) =>
      world([...stream(random, { rate: 600 * k }), ...honest(random, 30)], { holds: 257 }),
  },
  {
    name: 'spoofed flood on a queue too large for it',
    state: 'flood',
    local: SITE,
    world: (random, k) => world(stream(random, { rate: 100 * k }), { holds: 60_001 }),
  },
  {
    name: 'spoofed flood from addresses in turn',
    state: 'flood',
    local: SITE,
    world: (random, k) =>
      world(stream(random, { rate: 150 * k, remote: inTurn() }), { holds: 60_001 }),
  },
  {
    name: 'slow flood on a small queue',
    state: 'flood',
    local: SITE,
    world: (random, k) =>
      world(stream(random, { rate: 5 * k, remote: from('198.51.100') }), {
        holds: 6,
        cookies: false,
      }),
  },
  {
    name: '49 a second on a small queue',
    state: 'flood',
    local: SITE,
    world: (random, k) => world(stream(random, { rate: 49 * k }), { holds: 65, cookies: false }),
  },
  {
    name: 'flood on one port, honest clients on another',
    state: 'flood',
    local: SITE,
    sources: /^(?!203\.0\.113\.)/,
    world: (random, k) =>
      world([...stream(random, { rate: 150 * k }), ...honest(random, 200 * k, { local: OTHER })]),
  },
  {
    name: 'flood that begins in the middle',
    state: 'flood',
    local: SITE,
    world: (random, k) =>
      world([...honest(random, 50), ...stream(random, { rate: 400 * k, begins: 3000 })]),
  },
  {
    name: 'flood over IPv6',
    state: 'flood',
    local: SIX,
    world: (random, k) =>
      world(stream(random, { rate: 200 * k, local: SIX, remote: anywhere6 }), { holds: 513 }),
  },
  {
    name: 'two floods',
    state: 'flood',
    local: OTHER,
    world: (random, k) =>
      world([
        ...stream(random, { rate: 100 * k }),
        ...stream(random, { rate: 250 * k, local: OTHER }),
      ]),
  },
  {
    name: 'many listeners, one flooded',
    state: 'flood',
    local: '192.0.2.1:1017',
    world: (random, k) => {
      const ports = Array.from({ length: 40 }, (_, i) => `192.0.2.1:${1000 + i}`);
      return world(
        [
          ...stream(random, { rate: 120 * k, local: '192.0.2.1:1017' }),
          ...ports.flatMap((local) => honest(random, 5, { local })),
        ],
        { others: Object.fromEntries(ports.map((local) => [local, 1025])) },
      );
    },
  },
  {
    name: 'a carpet of SYNs over a thousand listeners',
    state: 'flood',
    local: null,
    world: (random, k) => {
      const ports = Array.from({ length: 1000 }, (_, i) => `192.0.2.1:${2000 + i}`);
      return world(
        ports.flatMap((local) => stream(random, { rate: k, local })),
        { others: Object.fromEntries(ports.map((local) => [local, 1025])) },
      );
    },
  },
  {
    name: 'no handshake completes: final ACKs are filtered',
    state: 'unanswered',
    local: SITE,
    sources: /^203\.0\.113\./,
    world: (random, k) => world(stream(random, { rate: 20 * k, remote: HONEST })),
  },
  {
    name: 'no handshake completes: SYN-ACKs do not reach a few networks, at 100 a second',
    state: 'unanswered',
    local: SITE,
    world: (random, k) =>
      world(
        ['203.0.113', '198.51.100', '192.0.2'].flatMap((network) =>
          stream(random, { rate: 33 * k, remote: from(network) }),
        ),
        { fresh: true, holds: 8193 },
      ),
  },
  {
    name: 'no handshake of one listener completes, all of the other do',
    state: 'unanswered',
    local: OTHER,
    world: (random, k) =>
      world([
        ...honest(random, 60 * k, { remote: anywhere }),
        ...stream(random, { rate: 15 * k, local: OTHER, remote: HONEST }),
      ]),
  },
  {
    name: 'health checks that reset at once',
    state: 'probes',
    world: (random, k) =>
      world(stream(random, { rate: 55 * k, remote: HONEST, ends: 'reset', after: 1, spread: 0 })),
  },
  {
    name: 'health checks from many balancers',
    state: 'probes',
    world: (random, k) =>
      world(stream(random, { rate: 30 * k, ends: 'reset', after: 1, spread: 60 })),
  },
  {
    name: 'a burst of honest clients, more than the queue takes',
    state: 'surge',
    local: SITE,
    world: (random, k) =>
      world(honest(random, 1500 * k, { remote: anywhere, after: 100, spread: 60 }), {
        holds: 65,
        cookies: false,
      }),
  },
  {
    name: 'a burst of honest clients, with cookies',
    state: 'surge',
    local: SITE,
    world: (random, k) =>
      world(honest(random, 1000 * k, { remote: anywhere, after: 100, spread: 60 }), {
        holds: Math.round(60 * k),
      }),
  },
  {
    name: 'the application accepts nothing: SYNs refused for it',
    state: 'stuck',
    local: SITE,
    world: (random, k) => world(honest(random, k), { acceptFull: Math.round(30 * k) }),
  },
  {
    name: 'honest clients',
    state: 'busy',
    world: (random, k) => world(honest(random, 100 * k, { remote: anywhere })),
  },
  {
    name: 'honest clients, one in a hundred of which is never heard of again',
    state: 'busy',
    world: (random, k) =>
      world([...honest(random, 300 * k, { remote: anywhere }), ...stream(random, { rate: 3 * k })]),
  },
  {
    name: 'honest clients behind a line that loses a fifth',
    state: 'busy',
    world: (random, k) => world(lossy(random, honest(random, 60 * k, { remote: anywhere }), 0.2)),
  },
  {
    name: 'honest clients 1.5 s away',
    state: 'busy',
    world: (random, k) =>
      world(honest(random, 30 * k, { remote: anywhere, after: 1450, spread: 100 })),
  },
  {
    name: 'honest clients beside health checks and scanners',
    state: 'busy',
    world: (random, k) =>
      world([
        ...honest(random, 80 * k, { remote: anywhere }),
        ...stream(random, { rate: 20 * k, remote: HONEST, ends: 'reset', after: 1 }),
        ...stream(random, { rate: 1 }),
      ]),
  },
  {
    name: 'a host that nothing happens to',
    state: 'idle',
    world: () => world([]),
  },
  {
    name: 'a handshake now and then, and a scanner',
    state: 'idle',
    world: (random) =>
      world([
        ...honest(random, 0.5),
        ...stream(random, { rate: 0.5, remote: HONEST, ends: 'reset', after: 1 }),
      ]),
  },
  {
    name: 'a scan of many ports, each reset at once',
    state: 'idle',
    world: (random, k) => {
      const ports = Array.from({ length: 50 }, (_, i) => `192.0.2.1:${3000 + i}`);
      return world(
        ports.flatMap((local) =>
          stream(random, { rate: 0.3 * k, local, remote: HONEST, ends: 'reset', after: 1 }),
        ),
        { others: Object.fromEntries(ports.map((local) => [local, 129])) },
      );
    },
  },
];

/** Return a window of healthy traffic, with the usual noise of the Internet. */
export function healthy(seed: number): World {
  const random = randomFrom(seed);
  const rate = 10 ** (random() * 2.5);
  return world([
    ...honest(random, rate, { remote: anywhere, after: 10 + random() * 200 }),
    ...stream(random, { rate: rate * 0.03 * random() }),
    ...stream(random, { rate: 10 * random(), remote: from('198.51.100'), ends: 'reset', after: 1 }),
    ...stream(random, { rate: 1.2 * random(), remote: from('198.51.100') }),
  ]);
}
