/** What a bare socket takes to read the headers of an INBOX: the least that an index of it can take. */
import { connect } from 'node:net';

/** As `headerMaxBytes` of config/default.yaml. */
const headerMaxBytes = 262_144;
const answered = Buffer.from('\r\nc OK');

/** Asks for all headers in one command and throws away what comes. Resolves with the seconds; throws when refused. */
export function readBareHeaders(port: number, user: string): Promise<number> {
  const began = performance.now();
  const commands = [
    `a LOGIN ${user} pw`,
    'b EXAMINE INBOX',
    `c UID FETCH 1:* (UID RFC822.SIZE BODY.PEEK[HEADER]<0.${headerMaxBytes}>)`,
  ];
  return new Promise((finish, fail) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let tail: Buffer = Buffer.alloc(0);
    socket.once('error', fail);
    socket.once('end', () => fail(new Error(`the server closed the connection: ${tail.toString('latin1')}`)));
    socket.once('data', () => socket.write(`${commands.join('\r\n')}\r\n`));
    socket.on('data', (chunk: Buffer) => {
      tail = Buffer.concat([tail, chunk.subarray(-answered.length * 20)]).subarray(-answered.length * 20);
      if (!tail.includes(answered)) return;
      socket.removeAllListeners('end');
      socket.destroy();
      finish((performance.now() - began) / 1000);
    });
  });
}
