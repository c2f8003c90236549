/** One connection of the scripted IMAP server: its commands, APPEND and FETCH apart. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ImapTranscript, ScriptedImap } from './scripted-imap.ts';
import { runAppend } from './scripted-imap-append.ts';
import { fetchAnswers } from './scripted-imap-fetch.ts';
import { ByteSource, ClientGone, words } from './scripted-imap-source.ts';

const defaultCapabilities = [
  'IMAP4rev1',
  'AUTH=PLAIN',
  'NAMESPACE',
  'SPECIAL-USE',
  'UIDPLUS',
  'LITERAL+',
  'MULTIAPPEND',
  'ID',
];

export class ImapScript {
  readonly imap: ScriptedImap;
  readonly transcript: ImapTranscript;
  source: ByteSource;
  selected: string | undefined;
  /** How many messages the mailbox had when it was opened: later ones are not shown, as a server may do. */
  visible = 0;
  #socket: Socket;

  constructor(imap: ScriptedImap, socket: Socket) {
    this.imap = imap;
    this.#socket = socket;
    this.source = this.#newSource();
    this.transcript = {
      commands: [],
      appends: [],
      bads: 0,
      received: () => this.source.received,
      chunksAfter: (count) => this.source.chunksAfter(count),
      bytes: () => Buffer.concat(this.source.kept),
      ended: false,
    };
    imap.connections.push(this.transcript);
  }

  async run(): Promise<void> {
    try {
      this.send(this.imap.behaviour.greeting ?? `* OK [CAPABILITY ${this.#capabilities(true)}] ready`);
      while (await this.#command());
      this.#socket.end();
    } catch (thrown) {
      if (!(thrown instanceof ClientGone)) throw thrown;
    } finally {
      this.transcript.ended = true;
    }
  }

  send(...lines: string[]): void {
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
  }

  sendRaw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Drops the connection and whatever was still to be said. */
  drop(): never {
    this.#socket.destroy();
    throw new ClientGone();
  }

  /** Never answers again. */
  hang(): Promise<never> {
    return new Promise((_resolve, reject) => this.#socket.on('close', () => reject(new ClientGone())));
  }

  #newSource(): ByteSource {
    const { keepBytes, stopAfter, crawl } = this.imap.behaviour;
    return new ByteSource(this.#socket, { keep: keepBytes === true, stopAfter, crawl });
  }

  #capabilities(before = false): string {
    const { capabilities = defaultCapabilities, capabilitiesBefore } = this.imap.behaviour;
    return ((before ? capabilitiesBefore : undefined) ?? capabilities).join(' ');
  }

  /** False at the end of the session. */
  async #command(): Promise<boolean> {
    const { behaviour } = this.imap;
    let text = await this.source.line();
    const [, tag = '', name = '', rest = ''] = /^(\S+) (UID \S+|\S+) ?(.*)$/s.exec(text) ?? [];
    const verb = name.toUpperCase();
    if (verb === 'APPEND') {
      this.transcript.commands.push(text);
      await runAppend(this, tag, rest);
      return true;
    }
    for (let literal = /\{(\d+)(\+?)\}$/.exec(text); literal !== null; literal = /\{(\d+)(\+?)\}$/.exec(text)) {
      if (literal[2] === '') this.send('+ go on');
      const value = (await this.source.take(Number(literal[1]))).toString('latin1');
      text = `${text.slice(0, literal.index)}${quoted(value)}${await this.source.line()}`;
    }
    this.transcript.commands.push(text);
    const scripted = behaviour.answer?.(text);
    if (scripted !== undefined) {
      if (scripted !== '') this.sendRaw(Buffer.from(scripted.replaceAll('TAG', tag), 'latin1'));
      return true;
    }
    const before = behaviour.before?.(text);
    if (before !== undefined) this.sendRaw(Buffer.from(before, 'latin1'));
    return this.#answer(tag, verb, words(text).slice(verb.startsWith('UID ') ? 3 : 2), rest);
  }

  async #answer(tag: string, verb: string, args: string[], rest: string): Promise<boolean> {
    switch (verb) {
      case 'CAPABILITY':
        this.send(`* CAPABILITY ${this.#capabilities()}`, `${tag} OK done`);
        return true;
      case 'STARTTLS':
        await this.#startTls(tag);
        return true;
      case 'LOGIN':
        return this.#login(tag, args[0]!, args[1]!);
      case 'AUTHENTICATE': {
        if (this.imap.behaviour.token && /^(XOAUTH2|OAUTHBEARER)$/i.test(args[0]!)) return this.#token(tag, args);
        if (args[0]!.toUpperCase() === 'LOGIN') return this.#saslLogin(tag);
        if (args[0]!.toUpperCase() !== 'PLAIN') {
          this.send(`${tag} NO mechanism not supported`);
          return true;
        }
        if (args[1] === undefined) this.send('+ ');
        const [, user = '', password = ''] = Buffer.from(args[1] ?? (await this.source.line()), 'base64')
          .toString('latin1')
          .split('\0');
        return this.#login(tag, user, password);
      }
      case 'LOGOUT':
        this.send('* BYE good bye', `${tag} OK done`);
        return false;
      case 'UID FETCH':
        for (const answer of fetchAnswers(this, rest)) this.sendRaw(answer);
        this.send(`${tag} OK done`);
        return true;
      default:
        this.#mailboxCommand(tag, verb, args);
        return true;
    }
  }

  async #saslLogin(tag: string): Promise<true> {
    const given: string[] = [];
    for (const question of ['Username:', 'Password:']) {
      this.send(`+ ${Buffer.from(question).toString('base64')}`);
      given.push(Buffer.from(await this.source.line(), 'base64').toString('latin1'));
    }
    return this.#login(tag, given[0]!, given[1]!);
  }

  async #token(tag: string, [mechanism = '', response = '']: string[]): Promise<true> {
    const refusal = this.imap.behaviour.token!(Buffer.from(response, 'base64').toString(), mechanism);
    if (refusal === undefined || /^(?:NO|BAD) /.test(refusal)) {
      this.send(`${tag} ${refusal ?? `OK [CAPABILITY ${this.#capabilities()}] in`}`);
      return true;
    }
    this.send(`+ ${Buffer.from(refusal).toString('base64')}`);
    this.transcript.commands.push(await this.source.line());
    this.send(`${tag} NO AUTHENTICATE failed.`);
    return true;
  }

  #login(tag: string, user: string, password: string): true {
    const refusal = this.imap.behaviour.login?.(user, password);
    this.send(`${tag} ${refusal ?? `OK [CAPABILITY ${this.#capabilities()}] in`}`);
    return true;
  }

  async #startTls(tag: string): Promise<void> {
    const { tls, injectAfterStartTls = '' } = this.imap.behaviour;
    if (tls === undefined) return this.send(`${tag} BAD no TLS here`);
    this.source.release();
    this.#socket.write(`${tag} OK begin\r\n${injectAfterStartTls}`);
    this.#socket = new TLSSocket(this.#socket, { isServer: true, key: tls.key, cert: tls.cert });
    this.#socket.on('error', () => {});
    this.source = this.#newSource();
  }

  #mailboxCommand(tag: string, verb: string, args: string[]) {
    const { mailboxes, behaviour } = this.imap;
    const delimiter = behaviour.delimiter === '' ? 'NIL' : `"${behaviour.delimiter ?? '/'}"`;
    const { namespace = `(("" ${delimiter})) NIL NIL` } = behaviour;
    const name = args[0] ?? '';
    const mailbox = mailboxes.get(name);
    switch (verb) {
      case 'NAMESPACE':
        return this.send(`* NAMESPACE ${namespace}`, `${tag} OK done`);
      case 'ID':
        return this.send('* ID ("name" "scripted" "version" "1")', `${tag} OK done`);
      case 'LIST':
      case 'XLIST':
      case 'LSUB': {
        const shown = [...mailboxes].filter(([path]) => matches(path, args[0]! + args[1]!));
        const lines = shown.map(
          ([path, { attributes }]) => `* ${verb} (${attributes.join(' ')}) ${delimiter} ${quoted(path)}`,
        );
        return this.send(...lines, `${tag} OK done`);
      }
      case 'CREATE': {
        const refusal = behaviour.refuseCreate?.(name) ?? (mailbox && 'NO it exists');
        if (refusal !== undefined) return this.send(`${tag} ${refusal}`);
        this.imap.addMailbox(name, /USE \(([^)]*)\)/.exec(args[1] ?? '')?.[1]?.split(' '));
        return this.send(`${tag} OK done`);
      }
      case 'SUBSCRIBE':
        if (mailbox !== undefined) mailbox.subscribed = true;
        return this.send(`${tag} OK done`);
      case 'SELECT':
      case 'EXAMINE':
        return this.#select(tag, verb, name);
      case 'STATUS': {
        if (mailbox === undefined) return this.send(`${tag} NO [NONEXISTENT] no such mailbox`);
        if (/\bAPPENDLIMIT\b/i.test(args.slice(1).join(' '))) {
          const { appendLimits } = behaviour;
          if (!appendLimits) return this.send(`${tag} BAD unknown item`);
          return this.send(`* STATUS ${quoted(name)} (APPENDLIMIT ${appendLimits[name] ?? 'NIL'})`, `${tag} OK done`);
        }
        const { uidValidity, uidNext, messages } = mailbox;
        const counters = `UIDVALIDITY ${uidValidity} UIDNEXT ${uidNext} MESSAGES ${messages.length}`;
        return this.send(`* STATUS ${quoted(name)} (${counters})`, `${tag} OK done`);
      }
      case 'GETQUOTAROOT':
        return this.send(`* QUOTAROOT ${quoted(name)} ""`, '* QUOTA "" (STORAGE 10 512)', `${tag} OK done`);
      case 'NOOP':
        return this.send(`${tag} OK done`);
      default:
        return this.send(`${tag} BAD unknown command`);
    }
  }

  #select(tag: string, verb: string, name: string) {
    const mailbox = this.imap.mailboxes.get(name);
    this.selected = mailbox === undefined ? undefined : name;
    if (mailbox === undefined) return this.send(`${tag} NO [NONEXISTENT] no such mailbox`);
    this.visible = mailbox.messages.length;
    this.send(
      '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
      '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] flags',
      `* ${mailbox.messages.length} EXISTS`,
      '* 0 RECENT',
      `* OK [UIDVALIDITY ${mailbox.uidValidity}] valid`,
      `* OK [UIDNEXT ${mailbox.uidNext}] next`,
      `${tag} OK [${verb === 'SELECT' ? 'READ-WRITE' : 'READ-ONLY'}] done`,
    );
  }
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function matches(path: string, pattern: string): boolean {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\\\*|%/g, '.*');
  return new RegExp(`^${source}$`, 'i').test(path);
}
