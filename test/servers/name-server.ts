/** A name server of the tests, over UDP: what is in its table is there, and nothing else is. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** Records by name, in lower case without a final dot. */
export interface Zone {
  a?: Record<string, string[]>;
  mx?: Record<string, { exchange: string; priority: number }[]>;
  srv?: Record<string, { name: string; port: number; priority?: number; weight?: number }[]>;
  /** Names whose questions fail (SERVFAIL), and names whose questions get no answer. */
  fails?: string[];
  silent?: string[];
}

const types = { a: 1, mx: 15, aaaa: 28, srv: 33 } as const;
const noError = 0;
const serverFailure = 2;
const noSuchName = 3;

/** A running name server on 127.0.0.1. */
export class NameServer {
  readonly zone: Zone;
  /** `SRV _imaps._tcp.example.com`, in the order of arrival. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  private constructor(zone: Zone, socket: Socket) {
    this.zone = zone;
    this.#socket = socket;
    socket.on('message', (question, { port, address }) => {
      const answer = this.#answer(question);
      if (answer) socket.send(answer, port, address);
    });
  }

  static async start(zone: Zone): Promise<NameServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NameServer(zone, socket);
  }

  /** `127.0.0.1:PORT` */
  get address(): string {
    return `127.0.0.1:${(this.#socket.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#socket.close();
  }

  // RFC 1035 §4.1
  #answer(question: Buffer): Buffer | undefined {
    const { name, end } = readName(question);
    const type = question.readUInt16BE(end);
    const kind = Object.entries(types).find(([, number]) => number === type)?.[0] ?? String(type);
    this.asked.push(`${kind.toUpperCase()} ${name}`);
    const { fails = [], silent = [] } = this.zone;
    if (silent.includes(name)) return undefined;
    const records = fails.includes(name) ? [] : this.#records(kind, name);
    const known = (['a', 'mx', 'srv'] as const).some((each) => this.zone[each]?.[name]);
    const header = Buffer.from(question.subarray(0, 12));
    // An answer that is authoritative, recursion available.
    header.writeUInt16BE(0x8580 | (fails.includes(name) ? serverFailure : known ? noError : noSuchName), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    const resources = records.map((data) => {
      const head = Buffer.alloc(12);
      // The name is that of the question, at octet 12 (§4.1.4).
      head.writeUInt16BE(0xc00c, 0);
      head.writeUInt16BE(type, 2);
      head.writeUInt16BE(1, 4);
      head.writeUInt16BE(data.length, 10);
      return Buffer.concat([head, data]);
    });
    return Buffer.concat([header, question.subarray(12, end + 4), ...resources]);
  }

  #records(kind: string, name: string): Buffer[] {
    const { a, mx, srv } = this.zone;
    if (kind === 'a') return (a?.[name] ?? []).map((address) => Buffer.from(address.split('.').map(Number)));
    if (kind === 'mx') {
      return (mx?.[name] ?? []).map(({ priority, exchange }) => Buffer.concat([numbers(priority), wireName(exchange)]));
    }
    if (kind !== 'srv') return [];
    return (srv?.[name] ?? []).map(({ priority = 0, weight = 0, port, name: target }) =>
      Buffer.concat([numbers(priority, weight, port), wireName(target)]),
    );
  }
}

function readName(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function wireName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function numbers(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2);
  for (const [at, value] of values.entries()) buffer.writeUInt16BE(value, at * 2);
  return buffer;
}
