/** TCP to a server, straight or through a proxy, with what can go wrong there classified. */
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { type ErrorCode, MailhaulError } from '../ground/errors.ts';
import { settled } from './settled.ts';
import { type Opening, proxyName, type Target, type Transport } from './transport.ts';

/**
 * A socket that speaks with the target. One deadline covers the connection and what the proxy takes.
 * @throws MailhaulError `host-unknown`, `connection-refused`, `connect-timeout`, `source-address`, `proxy-unreachable`,
 * `proxy-refused`, and the reason of the signal
 */
export async function openTcp(target: Target, transport: Transport, opening: Opening): Promise<Socket> {
  const { proxy, localAddress } = transport;
  const { timeoutMs, addresses } = opening;
  const { host, port } = proxy ?? target;
  const socket = connect({
    host,
    port,
    ...(localAddress === undefined ? {} : { localAddress, family: isIP(localAddress) }),
    ...(proxy === undefined && addresses !== undefined ? { lookup: pinned(addresses) } : {}),
    // Node's own 250 ms an address is short for a distant server with several addresses.
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.min(2500, Math.floor(timeoutMs / 4))),
  });
  socket.setNoDelay(true);
  const began = performance.now();
  const faults = new Faults(target, transport, timeoutMs);
  await settled(socket, 'connect', opening, faults.late, (error) =>
    faults.connectError(error, performance.now() - began),
  );
  if (proxy === undefined) return socket;
  const left = { ...opening, timeoutMs: Math.max(1, timeoutMs - (performance.now() - began)) };
  // Loaded for proxies only: hardly anybody has one, and everybody would wait for HTTP and SOCKS.
  const through = import('./tunnel.ts').then(({ tunnel }) => tunnel(socket, proxy, target, addresses));
  await settled(socket, through, left, faults.late, faults.proxyLost);
  return socket;
}

function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (host, { family, ...options }, done) => {
    const fitting = all.filter((each) => !family || each.family === family);
    if (fitting.length === 0) done(Object.assign(new Error(`no address of ${host} fits`), { code: 'ENOTFOUND' }), '');
    else if (options.all) done(null, fitting);
    else done(null, fitting[0]!.address, fitting[0]!.family);
  };
}

/** What it means that there is no connection in time: `connect-timeout`, or `proxy-unreachable` where one is on the way. */
export function lateConnection(target: Target, transport: Transport, timeoutMs: number): MailhaulError {
  return new Faults(target, transport, timeoutMs).late();
}

const wayCodes: readonly string[] = ['proxy-unreachable', 'proxy-refused', 'source-address', 'connection-file'];

/** Whether an error is about the way as the settings have it, and not about the server at its end. */
export function isOfTheWay({ code }: MailhaulError): boolean {
  return wayCodes.includes(code);
}

/** What goes wrong on the way to one target. */
class Faults {
  readonly #target: Target;
  readonly #transport: Transport;
  readonly #timeoutMs: number;

  constructor(target: Target, transport: Transport, timeoutMs: number) {
    this.#target = target;
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
  }

  readonly late = (): MailhaulError => {
    const seconds = this.#timeoutMs / 1000;
    if (this.#transport.proxy) return this.#unreachable(`no answer within ${seconds} s`);
    return this.#error('connect-timeout', { seconds });
  };

  readonly proxyLost = (error: Error): MailhaulError => this.#unreachable(reasonOf(error), error);

  connectError(error: Error, elapsedMs: number): MailhaulError {
    const { localAddress, proxy } = this.#transport;
    const { code = '', syscall } = error as NodeJS.ErrnoException;
    const reason = reasonOf(error);
    // EADDRNOTAVAIL and EINVAL of bind: not an address of this machine, or not of the family of the server.
    if (localAddress !== undefined && (syscall === 'bind' || /^E(?:ADDRNOTAVAIL|INVAL)$/.test(code))) {
      return this.#error('source-address', { address: localAddress, reason }, error);
    }
    if (proxy !== undefined) return this.#unreachable(reason, error);
    if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return this.#error('host-unknown', {}, error);
    if (code === 'ETIMEDOUT') return this.#error('connect-timeout', { seconds: Math.round(elapsedMs / 1000) }, error);
    return this.#error('connection-refused', { reason }, error);
  }

  #unreachable(reason: string, cause?: unknown): MailhaulError {
    return this.#error('proxy-unreachable', { proxy: proxyName(this.#transport.proxy!), reason }, cause);
  }

  #error(code: ErrorCode, details: Record<string, string | number>, cause?: unknown): MailhaulError {
    const { host, port } = this.#target;
    return new MailhaulError(code, { host, port, ...details }, cause);
  }
}

function reasonOf(error: Error): string {
  // An AggregateError, one entry for each address of a host, has no message of its own.
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
