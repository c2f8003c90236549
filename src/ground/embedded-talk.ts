/** What is said to Mailhaul's own Redis, by bare connections to its socket: a client takes longer to be loaded than Redis to start. */
import { connect } from 'node:net';

/** Whether anybody listens. */
export function takesConnections(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      done(true);
    });
    connection.once('error', () => done(false));
  });
}

/**
 * What Redis says to PING and INFO up to its process number, or what is in the way: it listens late, and refuses PING while
 * it reads its file.
 */
export function askWhoAnswers(socket: string, timeoutMs: number): Promise<string> {
  return new Promise((done) => {
    let said = '';
    const connection = connect(socket, () => connection.write('PING\r\nINFO server\r\n'));
    connection.setEncoding('latin1').setTimeout(Math.max(1, timeoutMs), () => connection.destroy());
    connection.on('data', (text: string) => {
      said += text;
      if (!said.startsWith('+') || /^process_id:\d+\r$/m.test(said)) connection.destroy();
    });
    connection.once('error', ({ message }) => {
      said ||= message;
    });
    connection.once('close', () => done(said));
  });
}

/**
 * Has it end, by command: it is obeyed at once, and a signal up to a tenth of a second later; and the number of a process that is not
 * ours may mean another one here, in a container for instance.
 */
export function tellToEnd(socket: string, timeoutMs: number): Promise<void> {
  return new Promise((done) => {
    const connection = connect(socket, () => connection.write('SHUTDOWN\r\n'));
    const end = () => void connection.destroy();
    // It answers only what it refuses.
    connection.once('data', end);
    connection.setTimeout(timeoutMs, end);
    // It does not answer, or is gone already.
    connection.once('error', end);
    connection.once('close', () => done());
  });
}
