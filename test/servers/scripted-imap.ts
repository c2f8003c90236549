/** An IMAP server that does what real ones do only on bad days. Mail stays in memory, byte for byte. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ImapScript } from './scripted-imap-connection.ts';

/** A message as the server stores it. */
export interface StoredMessage {
  uid: number;
  bytes: Buffer;
  flags: string;
  date: string | undefined;
}

/** A mailbox of the server. Names are as they stand on the wire. */
export interface ScriptedMailbox {
  uidValidity: number;
  uidNext: number;
  messages: StoredMessage[];
  attributes: string[];
  subscribed: boolean;
}

/** A message while it is being appended: which it is of this server, and in its command. */
export interface AppendedMessage {
  number: number;
  index: number;
  mailbox: string;
  size: number;
  /** Empty until the literal is there. */
  bytes: Buffer;
}

/** What the server does, beside behaving. Texts begin with `NO` or `BAD`. */
export interface ImapBehaviour {
  capabilities?: readonly string[];
  /** What is announced before the login; all of the above when not given. */
  capabilitiesBefore?: readonly string[];
  greeting?: string;
  /** The APPENDLIMIT that STATUS tells of a mailbox (RFC 7889 §3.1), NIL where it is not named; without any, BAD. */
  appendLimits?: Readonly<Record<string, number>>;
  /** The tagged answer to a login, where it is not OK. */
  login?: (user: string, password: string) => string | undefined;
  /**
   * What the server says to a token: undefined for OK, else the JSON of the challenge that says why not. A text that
   * begins with NO or BAD is the tagged answer itself.
   */
  token?: (response: string, mechanism: string) => string | undefined;
  /** The argument of the untagged NAMESPACE. */
  namespace?: string;
  /** Empty for NIL. */
  delimiter?: string;
  /** Refuses to make a mailbox of this name, as it stands on the wire. */
  refuseCreate?: (name: string) => string | undefined;
  /** Answers a command instead of the server; several lines with CRLF, `TAG` for its tag; '' is silence. */
  answer?: (command: string) => string | undefined;
  /** Untagged lines before the tagged answer of a command. */
  before?: (command: string) => string | undefined;
  /** Refuses when the whole command is there. */
  refuse?: (message: AppendedMessage) => string | undefined;
  /** Says BYE at so many BADs to an APPEND on one connection, as Exchange does at three. */
  badsUntilBye?: number;
  /** Refuses a synchronising literal instead of saying +. */
  refuseBefore?: (message: AppendedMessage) => string | undefined;
  /** Refuses at once and discards a literal that did not ask. */
  refuseEarly?: (message: AppendedMessage) => string | undefined;
  /** Says BYE with this text at such a literal, and closes. */
  bye?: (message: AppendedMessage) => string | undefined;
  /** Never says + to a literal that asks. */
  ignoreLiterals?: boolean;
  /** Drops the connection: in the middle of this message's literal, or at the end of its command. */
  drop?: (message: AppendedMessage) => 'literal' | 'before-storing' | 'after-storing' | undefined;
  /** Says nothing more once this message's command is complete. */
  hang?: (message: AppendedMessage) => boolean;
  /** The code of an APPEND's OK; UIDPLUS by default. */
  appendUid?: (uidValidity: number, uids: readonly number[]) => string | undefined;
  /** Says + for literals that did not ask. */
  strayContinuations?: boolean;
  /** Each message keeps the server busy for so long, and with it its connection. */
  storeMs?: number;
  /** A mailbox is locked from the first byte of an APPEND to its answer; whoever waits looks again after 100 ms, as at a dot lock. */
  locks?: boolean;
  /** Stores and answers at the last byte of a single message, before the command's end. */
  eager?: boolean;
  /** Reads no more after so many bytes. */
  stopAfter?: number;
  /** Reads in small steps. */
  crawl?: boolean;
  /** Keeps one of several messages with one Message-ID, and says OK to each, as Gmail does. */
  merges?: boolean;
  /** What the server makes of a message when it stores it. */
  rewrite?: (bytes: Buffer) => Buffer;
  /** Ignores the <partial> of a FETCH. */
  ignorePartial?: boolean;
  /** Keeps every byte it receives. */
  keepBytes?: boolean;
  tls?: { key: string; cert: string; implicit: boolean };
  /** Sent right after the OK of STARTTLS. */
  injectAfterStartTls?: string;
}

/** One literal of one APPEND, as it was announced. */
export interface LiteralFact {
  size: number;
  /** `{n}` and so on, with the number left out. */
  form: '{}' | '{+}' | '~{}' | '~{+}';
  flags: string;
  date: string | undefined;
}

/** What one connection did. */
export interface ImapTranscript {
  commands: string[];
  appends: { tag: string; mailbox: string; literals: LiteralFact[] }[];
  /** How many of them were answered BAD. */
  bads: number;
  received(): number;
  /** In how many pieces the bytes after the first `count` came. */
  chunksAfter(count: number): number;
  bytes(): Buffer;
  ended: boolean;
}

export class ScriptedImap {
  readonly mailboxes = new Map<string, ScriptedMailbox>();
  readonly connections: ImapTranscript[] = [];
  behaviour: ImapBehaviour;
  /** Counts messages over all connections, from 1. */
  messageNumber = 0;
  /** Mailboxes that are locked. */
  readonly locked = new Set<string>();
  /** Most connections that were open at once. */
  mostOpen = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(behaviour: ImapBehaviour = {}): Promise<ScriptedImap> {
    const imap = new ScriptedImap(behaviour);
    imap.#server.listen(0, '127.0.0.1');
    await once(imap.#server, 'listening');
    return imap;
  }

  private constructor(behaviour: ImapBehaviour) {
    this.behaviour = behaviour;
    this.addMailbox('INBOX');
    const onSocket = (socket: Socket) => this.#onSocket(socket);
    const { tls } = behaviour;
    this.#server =
      tls?.implicit === true ? createTlsServer({ key: tls.key, cert: tls.cert }, onSocket) : createServer(onSocket);
    this.#server.on('tlsClientError', () => {});
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  addMailbox(name: string, attributes: string[] = []): ScriptedMailbox {
    const mailbox = {
      uidValidity: 1000 + this.mailboxes.size,
      uidNext: 1,
      messages: [],
      attributes,
      subscribed: false,
    };
    this.mailboxes.set(name, mailbox);
    return mailbox;
  }

  /** The messages of a mailbox, in order. */
  stored(name = 'INBOX'): Buffer[] {
    return this.mailboxes.get(name)!.messages.map((message) => message.bytes);
  }

  store(name: string, bytes: Buffer, flags = '()', date?: string): number {
    const mailbox = this.mailboxes.get(name)!;
    const uid = mailbox.uidNext++;
    mailbox.messages.push({ uid, bytes: this.behaviour.rewrite?.(bytes) ?? bytes, flags, date });
    return uid;
  }

  /** Ends every connection that is open. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends one of the connections that are open, counted from 0. */
  drop(at: number): void {
    [...this.#sockets][at]?.destroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #onSocket(socket: Socket): void {
    this.#sockets.add(socket);
    this.mostOpen = Math.max(this.mostOpen, this.#sockets.size);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    new ImapScript(this, socket).run();
  }
}
