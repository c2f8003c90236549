/** Takes the socket of a logged-in imapflow connection over. This file owns the takeover; its test guards imapflow's side. */
import type { Socket } from 'node:net';
import type { OpenDoor } from './door.ts';

/** Throws a plain Error where imapflow did not leave the socket as agreed (another version, compression). */
export function takeOver({ client }: OpenDoor): Socket {
  const { socket, readSocket, writeSocket } = client.unbind();
  // unbind() took imapflow's listeners along: until ours are there, that of outliveErrors hears what goes wrong
  if (readSocket !== socket || writeSocket !== socket) {
    socket.destroy();
    throw new Error('imapflow did not hand over the bare socket');
  }
  const taken = socket as Socket;
  taken.setTimeout(0);
  taken.setNoDelay(true);
  return taken;
}
