/** A server that speaks TLS as it is told, and a protocol as far as the login: it records what it was told by whom. */
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';

/** What a server says to the commands of a login; everything else is refused. */
export const dialogues = {
  pop: {
    greeting: '+OK hello\r\n',
    answer: (line: string): string => {
      if (/^CAPA/i.test(line)) return '+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n';
      return /^(?:AUTH|USER|PASS|QUIT)/i.test(line) ? '+OK\r\n' : '-ERR\r\n';
    },
  },
  imap: {
    greeting: '* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\r\n',
    answer: (line: string): string => {
      const [tag, verb = ''] = line.split(' ');
      const before = /CAPABILITY/i.test(verb) ? '* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n' : '';
      return `${before}${tag} OK done\r\n`;
    },
  },
} as const;

/** A running server. */
export interface PlainOrTlsServer {
  readonly port: number;
  /** Lines that were understood, of all connections. */
  readonly heard: string[];
  /** Names that clients asked for by SNI, and the version of TLS; false for no name. */
  readonly greeted: { name: string | false; version: string | null; client: string | undefined }[];
  close(): Promise<void>;
}

/** Starts one on 127.0.0.1; without options it speaks no TLS at all. */
export async function startServer(side: keyof typeof dialogues, tls?: TlsOptions): Promise<PlainOrTlsServer> {
  const heard: string[] = [];
  const greeted: PlainOrTlsServer['greeted'] = [];
  const sockets = new Set<Socket>();
  const { greeting, answer } = dialogues[side];
  const talk = (socket: Socket): void => {
    socket.on('error', () => {}).write(greeting);
    let input = '';
    socket.on('data', (chunk) => {
      const lines = (input + chunk.toString('latin1')).split('\r\n');
      input = lines.pop()!;
      heard.push(...lines);
      socket.write(lines.map(answer).join(''));
    });
  };
  const server: Server = tls ? createTlsServer(tls) : createTcpServer(talk);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket: TLSSocket) => {
    const client = socket.getPeerX509Certificate()?.fingerprint256;
    greeted.push({ name: socket.servername as string | false, version: socket.getProtocol(), client });
    talk(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    greeted,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
