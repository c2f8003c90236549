/** The login: carries out the mechanism that was chosen, and says what a refusal means. */
import { isRefusedCredential, MailhaulError } from '../ground/errors.ts';
import type { Status } from './answers.ts';
import { type Capabilities, loginDelaySeconds } from './capabilities.ts';
import { apopDigest, apopTimestamp } from './challenge-login.ts';
import type { PopConnection } from './connection.ts';
import { dialogueOf, type Mechanism, mechanismsFor, noLogin } from './mechanisms.ts';
import { classifyLogin, hintDetails, saysUnsupported } from './replies.ts';
import { exchange, type SaslEnd, type SaslRefusal } from './sasl-exchange.ts';

/** What a server said before the login. */
export interface Introduction {
  /** The line it greeted with. */
  readonly greeting: Buffer;
  /** Undefined when it did not say. */
  readonly capabilities: Capabilities | undefined;
}

/**
 * Logs in the way the endpoint's `auth` names, or the best way the server lists. A mechanism that is listed and then
 * refused as unknown makes way for the next one, as long as nothing was shown that anybody could log in with.
 * @throws MailhaulError `login-mechanism`, `credentials-refused`, `account-busy`, `server-unavailable`, `server-unproven`,
 * `login-cut` where the server hangs up instead of an answer to the password
 * @param pipelining whether USER and PASS may be sent at once
 */
export async function logIn(
  connection: PopConnection,
  { greeting, capabilities }: Introduction,
  pipelining = false,
): Promise<void> {
  const { password, accessToken = '' } = connection.endpoint;
  for (const secret of [password, accessToken]) {
    connection.redaction.conceal(secret, Buffer.from(secret).toString('base64'));
  }
  const mechanisms = mechanismsFor(connection, capabilities);
  for (const [at, mechanism] of mechanisms.entries()) {
    const said = { greeting, capabilities };
    const { status, nothingShown, refusal } = await attempt(connection, mechanism, said, pipelining).catch((error) =>
      Promise.reject(asCut(connection, error)),
    );
    if (status.kind === 'ok') return;
    const reply = connection.readable(status.line);
    const unsupported = refusal === undefined && saysUnsupported(reply);
    if (unsupported && nothingShown && at < mechanisms.length - 1) continue;
    if (unsupported) throw noLogin(connection, capabilities, `it answers ${mechanism} with ${reply}`);
    throw refused(connection, capabilities, { mechanism, reply, refusal });
  }
}

/** What shows a password or what it can be had from; a server that hangs up at USER has not seen any. */
const showing = /^(?:PASS|USER and PASS|APOP|AUTH )/;

function asCut(connection: PopConnection, error: unknown): unknown {
  if (!(error instanceof MailhaulError) || error.code !== 'connection-lost') return error;
  const during = String(error.details['during']);
  // A server that says why it hangs up has said something.
  return showing.test(during) ? connection.error('login-cut', { during }) : error;
}

type Attempt = SaslEnd & { refusal?: SaslRefusal | undefined };

async function attempt(
  connection: PopConnection,
  mechanism: Mechanism,
  said: Introduction,
  pipelining: boolean,
): Promise<Attempt> {
  const dialogue = dialogueOf(mechanism, connection);
  if (dialogue !== undefined) {
    const end = await exchange(connection, dialogue);
    return { ...end, refusal: dialogue.refusal };
  }
  const status = mechanism === 'USER' ? await userAndPass(connection, pipelining) : await apop(connection, said);
  return { status, nothingShown: false };
}

// RFC 1939 §7: USER, then PASS where the server goes along; at once where it can (RFC 2449 §6.6 names these two).
async function userAndPass(connection: PopConnection, pipelining: boolean): Promise<Status> {
  const { user, password } = connection.endpoint;
  const answerMs = connection.options.popLoginTimeoutMs;
  if (pipelining) {
    const both = { during: 'USER and PASS', answerMs };
    const answers = await Promise.all([
      connection.command(`USER ${user}`, both),
      connection.command(`PASS ${password}`, both),
    ]);
    return answers.find(({ kind }) => kind !== 'ok') ?? answers[1];
  }
  const known = await connection.command(`USER ${user}`, { during: 'USER', answerMs });
  if (known.kind !== 'ok') return known;
  return connection.command(`PASS ${password}`, { during: 'PASS', answerMs });
}

async function apop(connection: PopConnection, { greeting, capabilities }: Introduction): Promise<Status> {
  const { user, password } = connection.endpoint;
  const timestamp = apopTimestamp(greeting);
  if (timestamp === undefined) {
    const because = `its greeting has no timestamp as RFC 1939 wants it: ${connection.readable(greeting)}`;
    throw noLogin(connection, capabilities, because);
  }
  // RFC 1939 §3: a blank ends an argument. USER may have it, since nothing comes behind.
  if (user.includes(' ')) throw noLogin(connection, capabilities, 'APOP cannot carry a user name with a blank in it');
  const proof = apopDigest(timestamp, password);
  connection.redaction.conceal(proof);
  const answerMs = connection.options.popLoginTimeoutMs;
  return connection.command(`APOP ${user} ${proof}`, { during: 'APOP', answerMs });
}

function refused(
  connection: PopConnection,
  capabilities: Capabilities | undefined,
  { mechanism, reply, refusal }: { mechanism: Mechanism; reply: string; refusal: SaslRefusal | undefined },
) {
  const marksCredentials = capabilities?.has('AUTH-RESP-CODE') ?? false;
  let code = classifyLogin(reply, marksCredentials);
  // What came as a challenge is plainer than the words of the line behind it, unless those say: busy.
  if (refusal?.blames === 'server') code = 'server-unavailable';
  else if (refusal !== undefined && code === 'server-unavailable' && marksCredentials) code = 'credentials-refused';
  const why = refusal === undefined ? '' : `: ${connection.redaction.readable(Buffer.from(refusal.text))}`;
  const loginDelay = capabilities === undefined ? 0 : loginDelaySeconds(capabilities);
  return connection.error(code, {
    reply: `${reply} (login by ${mechanism}${why})`,
    mechanism,
    ...(isRefusedCredential(code) ? {} : hintDetails(reply, loginDelay)),
  });
}
