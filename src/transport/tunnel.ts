/** From a proxy on to the server, over a socket that is connected to the proxy. */
import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { SocksClient } from 'socks';
import { MailhaulError, printable } from '../ground/errors.ts';
import { type ProxyAccess, proxyName, type Target } from './transport.ts';

/** `host:port`, with brackets around an IPv6 address (RFC 9110 §7.2). */
function authority({ host, port }: Target): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/**
 * Has the proxy connect to the target. Afterwards the socket speaks with the target. Names are resolved by the proxy,
 * except with socks4, which cannot carry them.
 * @param addresses those of the target, where they were looked up already; only socks4 has a use for them
 * @throws MailhaulError `proxy-refused`, `host-unknown`
 */
export async function tunnel(
  socket: Socket,
  proxy: ProxyAccess,
  target: Target,
  addresses?: readonly string[],
): Promise<void> {
  await (proxy.kind === 'http' ? throughHttp(socket, proxy, target) : throughSocks(socket, proxy, target, addresses));
}

function refused(proxy: ProxyAccess, { host, port }: Target, reason: string): MailhaulError {
  return new MailhaulError('proxy-refused', { proxy: proxyName(proxy), host, port, reason: printable(reason) });
}

async function throughSocks(
  socket: Socket,
  proxy: ProxyAccess,
  target: Target,
  addresses: readonly string[] | undefined,
): Promise<void> {
  const { kind, host, port, user, password } = proxy;
  const type = kind === 'socks5' ? 5 : 4;
  if (type === 4 && isIP(target.host) === 6) throw refused(proxy, target, 'SOCKS 4 carries no IPv6 address');
  // RFC 1929 §2: user name and password have one byte for their length
  if (Buffer.byteLength(user) > 255 || Buffer.byteLength(password) > 255) {
    throw refused(proxy, target, 'SOCKS carries at most 255 bytes of user name and password');
  }
  const destination = { host: kind === 'socks4' ? await firstIpv4(target, addresses) : target.host, port: target.port };
  try {
    // What came behind the proxy's answer is emitted again in the next phase of the event loop: who awaits this has to
    // listen by then, with nothing but promises in between.
    await SocksClient.createConnection({
      command: 'connect',
      proxy: { host, port, type, ...(user === '' ? {} : { userId: user, password }) },
      destination,
      existing_socket: socket,
      // The deadline is the caller's, who destroys the socket.
      timeout: 2_147_483_647,
    });
  } catch (error) {
    // The error itself holds the password of the proxy.
    throw refused(proxy, target, socksReason((error as Error).message));
  }
}

async function firstIpv4({ host }: Target, addresses: readonly string[] | undefined): Promise<string> {
  if (isIP(host) === 4) return host;
  if (addresses !== undefined) {
    const found = addresses.find((address) => isIP(address) === 4);
    if (found === undefined) throw new MailhaulError('host-unknown', { host });
    return found;
  }
  return lookup(host, { family: 4 }).then(
    ({ address }) => address,
    () => {
      throw new MailhaulError('host-unknown', { host });
    },
  );
}

/** The words of the package in those of a person: `Socks5 proxy rejected connection - ConnectionRefused`. */
function socksReason(message: string): string {
  if (/Authentication failed|no accepted authentication type/i.test(message))
    return 'it refuses user name and password';
  return message.replace(/^Socks\d? ?/i, '');
}

/** RFC 9110 §9.3.6. */
function throughHttp(socket: Socket, proxy: ProxyAccess, target: Target): Promise<void> {
  const place = authority(target);
  const { user, password } = proxy;
  const credentials = Buffer.from(`${user}:${password}`).toString('base64');
  return new Promise((resolve, reject) => {
    const asked = request({
      method: 'CONNECT',
      path: place,
      headers: { Host: place, ...(user === '' ? {} : { 'Proxy-Authorization': `Basic ${credentials}` }) },
      createConnection: () => socket,
    });
    asked.once('connect', (response: IncomingMessage, _socket: unknown, head: Buffer) => {
      const status = response.statusCode ?? 0;
      if (status < 200 || status > 299) {
        const why = status === 407 ? 'it refuses user name and password' : 'it answers';
        return reject(refused(proxy, target, `${why}: ${status} ${response.statusMessage ?? ''}`));
      }
      // What the server said at once may have come in one packet with the answer of the proxy.
      if (head.length > 0) socket.unshift(head);
      resolve();
    });
    asked.once('error', (error) => reject(refused(proxy, target, error.message)));
    asked.end();
  });
}
