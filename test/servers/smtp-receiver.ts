/** A real SMTP server on 127.0.0.1 that keeps what it is sent. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { Certificates } from './certificates.ts';

/** A message that came in. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly secure: boolean;
  /** Who logged in; empty for nobody. */
  readonly user: string;
  /** As it came over the wire. */
  readonly text: string;
}

export class SmtpReceiver {
  readonly received: ReceivedMail[] = [];
  readonly #server: SMTPServer;

  private constructor(options: SMTPServerOptions, refusal: string | undefined) {
    this.#server = new SMTPServer({
      ...options,
      logger: false,
      onAuth: ({ username = '', password = '' }, _session, done) => {
        if (refusal === undefined && password === 'smtp-secret') return done(null, { user: username });
        const sent = String(password);
        const quotes = [sent, sent.toUpperCase(), Buffer.from(sent).toString('hex'), encodeURIComponent(sent)];
        return done(new Error(refusal ?? `5.7.8 no: ${username} ${quotes.join(' ')}`));
      },
      onRcptTo: ({ address }, _session, done) =>
        done(address.startsWith('nobody@') ? new Error('5.1.1 no such user') : null),
      onData: (stream, session, done) => {
        const pieces: Buffer[] = [];
        stream.on('data', (piece: Buffer) => pieces.push(piece));
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope;
          this.received.push({
            from: mailFrom ? mailFrom.address : '',
            to: rcptTo.map(({ address }) => address),
            secure: session.secure,
            user: String(session.user ?? ''),
            text: Buffer.concat(pieces).toString('latin1'),
          });
          done();
        });
      },
    });
    this.#server.on('error', () => {});
  }

  /** `tls`: from the first byte; `starttls`: offered; `none`: not offered. A login is asked for, unless told otherwise. */
  static async start(
    mode: 'tls' | 'starttls' | 'none',
    { certificates, login = true }: { certificates?: Certificates; login?: boolean } = {},
  ): Promise<SmtpReceiver> {
    const hidden = mode === 'starttls' ? [] : ['STARTTLS'];
    const receiver = new SmtpReceiver(
      {
        secure: mode === 'tls',
        ...(certificates && { cert: certificates.cert, key: certificates.key }),
        authOptional: !login,
        allowInsecureAuth: mode === 'none',
        disabledCommands: login ? hidden : [...hidden, 'AUTH'],
      },
      undefined,
    );
    const server = receiver.#server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return new Promise((done) => this.#server.close(() => done()));
  }
}
