/** Load node:net on first use: with its dependencies it takes a tenth of the start-up time. */
const net = () => process.getBuiltinModule('node:net');

/** Return 4 or 6; 0 if the text is not an address. */
export const isIP = (text: string): number => net().isIP(text);

/** One end of a connection, as the stream writes it: `a.b.c.d:port` or `[v6]:port`. */
export interface End {
  readonly address: string;
  readonly port: number;
}

/** @returns null if the text is not an address with its port */
export function parseEnd(text: string): End | null {
  const [, v6, v4, digits] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = v6 ?? v4 ?? '';
  const port = Number(digits);
  return isIP(address) === (v6 === undefined ? 4 : 6) && port < 65536 ? { address, port } : null;
}

/** Tests whether an address belongs to a network. */
export type Network = (address: string) => boolean;

/**
 * Parse `ADDRESS` or `ADDRESS/LENGTH`, IPv4 or IPv6; return null for other text. An IPv4 network
 * also holds its v4-mapped addresses (RFC 4291 2.5.5.2).
 */
export function parseNetwork(text: string): Network | null {
  const [, address, digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address ?? '');
  const length = digits === undefined ? (family === 4 ? 32 : 128) : Number(digits);
  if (address === undefined || family === 0 || length > (family === 4 ? 32 : 128)) {
    return null;
  }
  const { BlockList } = net();
  const list = new BlockList();
  list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  return (other) => list.check(other, isIP(other) === 4 ? 'ipv4' : 'ipv6');
}

/** Filter of connections; an absent key matches all of them. */
export interface EndpointFilter {
  /** The port of either endpoint. */
  readonly port?: number | undefined;
  /** A network that holds the address of either endpoint. */
  readonly network?: Network | undefined;
  /** Pairs of endpoints, one of which the connection must have, in either order. */
  readonly pairs?: readonly (readonly [string, string])[] | undefined;
}

/** @returns whether a connection is wanted; null if an end is not an address with its port */
export function wants(wanted: EndpointFilter, local: string, remote: string): boolean | null {
  const ends = [parseEnd(local), parseEnd(remote)];
  const [one, other] = ends;
  if (one == null || other == null) {
    return null;
  }
  const { port, network, pairs } = wanted;
  return (
    (port === undefined || one.port === port || other.port === port) &&
    (network === undefined || network(one.address) || network(other.address)) &&
    (pairs === undefined ||
      pairs.some(([a, b]) => (a === local && b === remote) || (a === remote && b === local)))
  );
}
