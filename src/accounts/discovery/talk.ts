/** The few words of POP3 and IMAP that a probe needs. No user name and no password is among them. */
import type { Protocol } from './candidate.ts';
import type { Lines } from './lines.ts';

/** What a server said before anybody logged in. */
interface Greeting {
  /** It offers APOP (RFC 1939 §7). */
  readonly apop: boolean;
  /** It turned us away though it speaks the protocol. */
  readonly refused: boolean;
}

/** Reads the greeting. Throws `protocol-error` where it is not that of the protocol. */
export async function greet(lines: Lines, protocol: Protocol): Promise<Greeting> {
  const line = await lines.next('greeting');
  const fits = protocol === 'pop3' ? /^(?:\+OK|-ERR)(?: |$)/ : /^\* (?:OK|PREAUTH|BYE)(?: |$)/i;
  if (!fits.test(line)) throw lines.wrong('greeting', line);
  const refused = /^(?:-ERR|\* BYE)/i.test(line);
  return { refused, apop: protocol === 'pop3' && /<[^<>@\s]+@[^<>@\s]+>/.test(line) };
}

/** Asks for TLS; whether the server agrees. Throws `protocol-error`. */
export async function askForTls(lines: Lines, protocol: Protocol): Promise<boolean> {
  // RFC 2595 §4 and §3.1
  lines.send(protocol === 'pop3' ? 'STLS' : 'a STARTTLS');
  const answer = protocol === 'pop3' ? await lines.next('STLS') : (await tagged(lines, 'a', 'STARTTLS')).answer;
  return /^(?:\+OK|OK)(?: |$)/i.test(answer);
}

/** The ways to log in that the server lists, in capitals; the first of each once. */
export async function askMechanisms(lines: Lines, protocol: Protocol, apop: boolean): Promise<string[]> {
  const found = protocol === 'pop3' ? await popMechanisms(lines) : await imapMechanisms(lines);
  return [...new Set(apop ? [...found, 'APOP'] : found)];
}

async function popMechanisms(lines: Lines): Promise<string[]> {
  lines.send('CAPA');
  const found: string[] = [];
  // RFC 2449 §5: a server without CAPA says -ERR; USER is then all there is to try.
  if (!/^\+OK(?: |$)/.test(await lines.next('CAPA'))) return ['USER'];
  for (let line = await lines.next('CAPA'); line !== '.'; line = await lines.next('CAPA')) {
    const [name = '', ...mechanisms] = line.trim().toUpperCase().split(/\s+/);
    if (name === 'USER') found.push(name);
    if (name === 'SASL') found.push(...mechanisms);
  }
  lines.send('QUIT');
  return found.filter(isMechanism);
}

async function imapMechanisms(lines: Lines): Promise<string[]> {
  lines.send('b CAPABILITY');
  const { untagged } = await tagged(lines, 'b', 'CAPABILITY');
  const words = untagged.flatMap((line) => /^\* CAPABILITY (.*)$/i.exec(line)?.[1]?.toUpperCase().split(/\s+/) ?? []);
  const found = words.flatMap((word) => (word.startsWith('AUTH=') ? [word.slice('AUTH='.length)] : []));
  // RFC 9051 §6.2.3: LOGIN may be used unless the server forbids it.
  if (words.length > 0 && !words.includes('LOGINDISABLED')) found.push('LOGIN');
  lines.send('c LOGOUT');
  return found.filter(isMechanism);
}

// RFC 4422 §3.1
function isMechanism(word: string): boolean {
  return /^[A-Z0-9_-]{1,20}$/.test(word);
}

async function tagged(lines: Lines, tag: string, during: string): Promise<{ answer: string; untagged: string[] }> {
  const untagged: string[] = [];
  for (;;) {
    const line = await lines.next(during);
    if (line.startsWith(`${tag} `)) return { answer: line.slice(tag.length + 1), untagged };
    if (!line.startsWith('* ')) throw lines.wrong(during, line);
    untagged.push(line);
  }
}
