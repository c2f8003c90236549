/** AUTH: the exchange of challenges and responses that every SASL mechanism goes through (RFC 5034). */
import type { Status } from './answers.ts';
import type { PopConnection } from './connection.ts';
import type { PopEndpoint } from './endpoint.ts';

/** What one mechanism says in one login, and what it makes of what the server says. */
export interface SaslDialogue {
  /** Name of the mechanism, in capitals. */
  readonly name: string;
  /** What the client says first; undefined where the server begins. */
  readonly initial?: string;
  /** True where `initial` holds nothing that anybody could log in with. */
  readonly initialIsPublic?: true;
  /** True where `initial` must stand on a line of its own. */
  readonly twoLines?: boolean;
  /** False while the client has yet to say what no server can do without. */
  readonly finished: boolean;
  /** What the server said in a challenge about why it refuses. */
  readonly refusal?: SaslRefusal | undefined;
  /**
   * The response to a challenge, both without their base64.
   * @throws MailhaulError for a challenge that makes no sense or is not safe to answer
   */
  respond(challenge: Buffer): string | Promise<string>;
  /** Called at +OK. Throws MailhaulError where the server had to prove itself and did not. */
  verify?(): void;
}

/** A refusal that came as a challenge. */
export interface SaslRefusal {
  /** In the server's words: may hold what it was sent, and whatever else. */
  readonly text: string;
  /** `server` where it blames itself, `secret` where the password or token is not good. */
  readonly blames: 'server' | 'secret';
}

/** How an exchange ended. */
export interface SaslEnd {
  readonly status: Status;
  /** Whether nothing left that anybody could log in with. */
  readonly nothingShown: boolean;
}

/** No mechanism proves a password with fewer characters: CRAM-MD5 has 32 (RFC 2195 §2), SCRAM-SHA-1 28. */
const shortestProof = 16;

/** More challenges than any mechanism has. */
const mostChallenges = 8;

/**
 * Carries an exchange out. What was sent is concealed from what errors repeat.
 * @throws MailhaulError what the dialogue throws, and `protocol-error` for challenges without end
 */
export async function exchange(connection: PopConnection, dialogue: SaslDialogue): Promise<SaslEnd> {
  const { name } = dialogue;
  const expected = { during: `AUTH ${name}`, answerMs: connection.options.popLoginTimeoutMs, continues: true };
  const encoded = (text: string) => {
    const line = Buffer.from(text, 'utf8').toString('base64');
    connection.redaction.conceal(line, ...proofsIn(text, connection.endpoint));
    return line;
  };
  const first = dialogue.initial === undefined ? undefined : encoded(dialogue.initial);
  // RFC 5034 §4: the first response may stand in the command if the line, CRLF included, stays within 255 octets.
  const inCommand = first !== undefined && dialogue.twoLines !== true && `AUTH ${name} ${first}`.length <= 253;
  let status = await connection.command(`AUTH ${name}${inCommand ? ` ${first}` : ''}`, expected);
  let nothingShown = !inCommand || dialogue.initialIsPublic === true;
  let unsaid = inCommand ? undefined : first;
  for (let round = 0; isQuestion(status, dialogue, unsaid !== undefined); round += 1) {
    if (round === mostChallenges) {
      throw connection.error('protocol-error', { during: expected.during, reply: 'questions without end' });
    }
    const challenge = challengeIn(status.line);
    // Old servers ignore what stands in the command, and ask for it.
    const ignored = inCommand && round === 0 && challenge === '' && status.kind === 'continue';
    const next = unsaid ?? (ignored ? first! : encoded(await dialogue.respond(Buffer.from(challenge, 'base64'))));
    nothingShown &&= next === first && dialogue.initialIsPublic === true;
    unsaid = undefined;
    status = await connection.command(next, expected);
  }
  if (status.kind === 'ok') dialogue.verify?.();
  return { status, nothingShown };
}

/** What of a response a server could repeat decoded, whole or in part, and nobody may read. User names may be read. */
function proofsIn(text: string, { user, authzUser }: PopEndpoint): string[] {
  const parts = [text, ...text.split(/[ ,]/).filter((part) => part.length >= shortestProof)];
  return parts.filter((part) => part !== user && part !== authzUser);
}

/** Some servers say +OK where RFC 5034 §4 has a lone plus: it is a question as long as something must yet be said. */
function isQuestion(status: Status, { initial, finished }: SaslDialogue, unsaid: boolean): boolean {
  if (status.kind === 'ok') return unsaid || (initial === undefined && !finished);
  return status.kind === 'continue';
}

function challengeIn(line: Buffer): string {
  return line
    .toString('latin1')
    .replace(/^\+(?:OK)?[ \t]*/, '')
    .trim();
}
