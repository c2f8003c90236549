/**
 * The least that a re-run can cost: log in, ask for UIDL, read it to its end, QUIT. It knows that the server takes several
 * commands at once, and shares no code with Mailhaul. Arguments: POP_PORT USER; the password is pw.
 */
import { connect } from 'node:net';

const listEnd = '\r\n.\r\n';
/** The greeting, and the answers to USER, PASS and UIDL. */
const answers = 4;
/** The answers stand within so many bytes; behind them comes the list. */
const answersMaxBytes = 2_000;

/** How many messages UIDL lists. Rejects when the server refuses anything, or closes too soon. */
export function countUidl(port: number, user: string): Promise<number> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let [bytes, lines, tail, head] = [0, 0, '', ''];
    socket.once('error', fail);
    socket.once('end', () => fail(new Error(`the server closed the connection: ${head}`)));
    socket.on('data', (chunk: Buffer) => {
      if (bytes === 0) socket.write(`USER ${user}\r\nPASS pw\r\nUIDL\r\n`);
      if (bytes < answersMaxBytes) head += chunk.toString('latin1', 0, answersMaxBytes);
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1;
      tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - listEnd.length))).slice(-listEnd.length);
      const refused = /^-ERR.*$/m.exec(head)?.[0];
      if (refused !== undefined) return void socket.destroy(new Error(refused));
      if (lines <= answers || tail !== listEnd) return;
      socket.removeAllListeners('end');
      // What ends the list is a line as well.
      socket.end('QUIT\r\n', () => done(lines - answers - 1));
    });
  });
}

async function main([port, user = '']: readonly string[]): Promise<void> {
  process.stdout.write(`${JSON.stringify({ messages: await countUidl(Number(port), user) })}\n`);
}

if (process.argv[1] !== undefined && /\bbare-uidl\.[jt]s$/.test(process.argv[1])) await main(process.argv.slice(2));
