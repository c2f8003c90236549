/** E-mail over SMTP. This file owns nodemailer. */
import type { Socket } from 'node:net';
import { createTransport } from 'nodemailer';
import type { EmailFields } from '../ground/settings-notify.ts';
import { openTcp } from '../transport/tcp.ts';
import { tlsOptions } from '../transport/tls.ts';
import type { Transport } from '../transport/transport.ts';
import { emailText } from './email-text.ts';
import type { OutgoingMessage } from './message.ts';

/** How a server is reached and logged in to. Holds a secret: never log it. */
export interface EmailPlace {
  readonly fields: Pick<EmailFields, 'host' | 'port' | 'security' | 'user' | 'from' | 'to'>;
  /** Where `user` is set. */
  readonly password: string;
  readonly transport: Transport;
  /** Authorities that are trusted instead of those of Node.js, as PEM text. */
  readonly ca?: string | undefined;
  /** For all of it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** RFC 6409 §3.1 and RFC 8314 §3.3: the ports of submission; without TLS it is a relay's. */
const usualPorts = { tls: 465, starttls: 587, none: 25 } as const;

/**
 * Sends a message to all recipients in one transaction. Returns those that the server refused, where it took others.
 * @throws MailhaulError of `openTcp`, and an Error with the answer of the server
 */
export async function sendEmail(message: OutgoingMessage, place: EmailPlace): Promise<readonly string[]> {
  const { fields, timeoutMs } = place;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([deadline, place.signal]);
  const socket = await opened(place, signal);
  const drop = () => void socket.destroy();
  signal.addEventListener('abort', drop, { once: true });
  const mailer = mailerOver(socket, place);
  try {
    const { subject, text, html } = emailText(message.notification);
    const { rejected } = await mailer.sendMail({
      from: fields.from,
      to: [...fields.to],
      subject,
      text,
      html,
      date: new Date(message.notification.timestamp),
      // The same in every try: a server or a reader that has it already drops it.
      messageId: `<${message.id}@${fields.from.slice(fields.from.lastIndexOf('@') + 1)}>`,
      // RFC 3834 §5: nothing that answers by itself is to answer.
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    });
    return rejected.map(String);
  } catch (error) {
    if (deadline.aborted) throw new Error(`no answer within ${timeoutMs / 1000} s`);
    if (signal.aborted) throw signal.reason;
    throw error;
  } finally {
    signal.removeEventListener('abort', drop);
    mailer.close();
    socket.destroy();
  }
}

function opened({ fields, transport, timeoutMs }: EmailPlace, signal: AbortSignal): Promise<Socket> {
  const { host, security, port = usualPorts[security] } = fields;
  return openTcp({ host, port }, transport, { timeoutMs, signal });
}

/** Whatever the server says, nothing is sent in the clear where TLS is asked for: without it the session ends. */
function mailerOver(socket: Socket, { fields, password, transport, ca, timeoutMs }: EmailPlace) {
  const { host, security, user } = fields;
  return createTransport({
    host,
    connection: socket,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: tlsOptions(host, transport, ca),
    ...(user === undefined ? {} : { auth: { user, pass: password }, forceAuth: true }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  });
}
