/** APPEND at the scripted IMAP server: every literal form, MULTIAPPEND, and every way to go wrong. */
import { setTimeout as wait } from 'node:timers/promises';
import type { AppendedMessage, LiteralFact } from './scripted-imap.ts';
import type { ImapScript } from './scripted-imap-connection.ts';
import { words } from './scripted-imap-source.ts';

interface Received extends AppendedMessage {
  flags: string;
  date: string | undefined;
}

const lookAgainMs = 100;

/** Runs one APPEND whose first line, after the command's name, is `rest`. */
export async function runAppend(script: ImapScript, tag: string, rest: string): Promise<void> {
  const { behaviour, locked } = script.imap;
  if (behaviour.locks !== true) return append(script, tag, rest);
  const mailbox = words(rest)[0]!;
  // Whoever finds it locked is slower than whoever just had it
  for (let free = locked.has(mailbox) ? 0 : 2; free < 2; free = locked.has(mailbox) ? 0 : free + 1) {
    await wait(lookAgainMs);
  }
  locked.add(mailbox);
  try {
    await append(script, tag, rest);
  } finally {
    locked.delete(mailbox);
  }
}

async function append(script: ImapScript, tag: string, rest: string): Promise<void> {
  const { behaviour } = script.imap;
  const mailbox = words(rest)[0]!;
  const fact = { tag, mailbox, literals: [] as LiteralFact[] };
  script.transcript.appends.push(fact);
  const messages: Received[] = [];
  let answered = false;
  let line = rest.slice(/^(?:"(?:[^"\\]|\\.)*"|\S+)/.exec(rest)![0].length);
  while (line !== '') {
    const literal = readLiteral(line);
    fact.literals.push(literal);
    const message = {
      number: ++script.imap.messageNumber,
      index: messages.length,
      mailbox,
      size: literal.size,
      bytes: Buffer.alloc(0),
    };
    const bye = behaviour.bye?.(message);
    if (bye !== undefined) {
      script.send(`* BYE ${bye}`);
      return script.hang();
    }
    if (!literal.form.includes('+')) {
      if (behaviour.ignoreLiterals === true) return script.hang();
      const refusal = behaviour.refuseBefore?.(message);
      if (refusal !== undefined) return script.send(`${tag} ${refusal}`);
      // A command that was answered early ends where the client would have to ask
      if (answered) return;
      script.send('+ go on');
    } else {
      const early = answered ? undefined : behaviour.refuseEarly?.(message);
      if (early !== undefined) {
        script.send(`${tag} ${early}`);
        answered = true;
      } else if (behaviour.strayContinuations === true) script.send('+ not needed');
    }
    if (behaviour.drop?.(message) === 'literal') {
      await script.source.take(literal.size >> 1);
      script.drop();
    }
    messages.push({
      ...message,
      bytes: await script.source.take(literal.size),
      flags: literal.flags,
      date: literal.date,
    });
    if (behaviour.storeMs !== undefined) await wait(behaviour.storeMs);
    if (behaviour.eager === true) {
      await finish(script, tag, messages);
      answered = true;
    }
    line = await script.source.line();
  }
  if (!answered) await close(script, tag, messages);
}

async function close(script: ImapScript, tag: string, messages: readonly Received[]): Promise<void> {
  const { behaviour } = script.imap;
  const drops = messages.map((message) => behaviour.drop?.(message));
  if (drops.includes('before-storing')) script.drop();
  if (drops.includes('after-storing')) {
    store(script, messages);
    script.drop();
  }
  if (messages.some((message) => behaviour.hang?.(message) === true)) await script.hang();
  await finish(script, tag, messages);
}

/** MULTIAPPEND is atomic (RFC 3502): one refused message refuses all. */
async function finish(script: ImapScript, tag: string, messages: readonly Received[]) {
  const { behaviour, mailboxes } = script.imap;
  const refusal = messages.map((message) => behaviour.refuse?.(message)).find((text) => text !== undefined);
  if (refusal !== undefined) return refuse(script, tag, refusal);
  const mailbox = mailboxes.get(messages[0]!.mailbox);
  if (mailbox === undefined) return script.send(`${tag} NO [TRYCREATE] no such mailbox`);
  const uids = store(script, messages);
  const { uidValidity } = mailbox;
  const code =
    behaviour.appendUid === undefined ? appendUid(uidValidity, uids) : behaviour.appendUid(uidValidity, uids);
  script.send(`* ${mailbox.messages.length} EXISTS`, `${tag} OK ${code === undefined ? '' : `[${code}] `}stored`);
}

async function refuse(script: ImapScript, tag: string, refusal: string): Promise<void> {
  script.send(`${tag} ${refusal}`);
  if (!refusal.startsWith('BAD')) return;
  script.transcript.bads += 1;
  if (script.transcript.bads !== script.imap.behaviour.badsUntilBye) return;
  script.send('* BYE Connection closed. 14');
  await script.hang();
}

function store(script: ImapScript, messages: readonly Received[]): number[] {
  return messages.map(({ mailbox, bytes, flags, date }) => {
    const kept = script.imap.behaviour.merges === true ? sameId(script, mailbox, bytes) : undefined;
    return kept ?? script.imap.store(mailbox, bytes, flags, date);
  });
}

/** The UID of the message that has the Message-ID of this one. */
function sameId({ imap }: ImapScript, mailbox: string, bytes: Buffer): number | undefined {
  const idOf = (one: Buffer) => /^Message-ID: (.*)$/im.exec(one.toString('latin1'))?.[1];
  const id = idOf(bytes);
  if (id === undefined) return undefined;
  return imap.mailboxes.get(mailbox)!.messages.find((one) => idOf(one.bytes) === id)?.uid;
}

function appendUid(uidValidity: number, uids: readonly number[]): string {
  return `APPENDUID ${uidValidity} ${uids.length === 1 ? uids[0] : `${uids[0]}:${uids.at(-1)}`}`;
}

function readLiteral(line: string): LiteralFact {
  const match = /^ (\([^)]*\))(?: "([^"]*)")? (~?)\{(\d+)(\+?)\}$/.exec(line);
  if (match === null) throw new Error(`not an APPEND argument: ${JSON.stringify(line.slice(0, 200))}`);
  const form = `${match[3]}{${match[5]}}` as LiteralFact['form'];
  return { size: Number(match[4]), form, flags: match[1]!, date: match[2] };
}
