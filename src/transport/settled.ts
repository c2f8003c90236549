/** Waiting for a socket to open. */
import type { Socket } from 'node:net';
import type { MailhaulError } from '../ground/errors.ts';
import type { Opening } from './transport.ts';

/**
 * Waits for what ends an opening: an event, or a promise about the socket. Anything else (an error, the end of the
 * socket, its deadline, the signal) destroys it.
 * @param late the error for the deadline
 * @param classify what an error of the socket means
 */
export function settled(
  socket: Socket,
  event: 'connect' | 'secureConnect' | Promise<void>,
  { timeoutMs, signal }: Opening,
  late: () => MailhaulError,
  classify: (error: Error) => MailhaulError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose);
      if (typeof event === 'string') socket.off(event, onOpen);
    };
    const fail = (error: unknown) => {
      leave();
      // A socket that is being torn down may still report errors of its own; nobody waits for them.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onOpen = () => {
      leave();
      resolve();
    };
    const onError = (error: Error) => fail(classify(error));
    const onClose = () => fail(classify(new Error('the connection was closed')));
    const onAbort = () => fail(signal?.reason);
    const timer = setTimeout(() => fail(late()), timeoutMs);
    socket.once('error', onError).once('close', onClose);
    if (typeof event === 'string') socket.once(event, onOpen);
    else event.then(onOpen, fail);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
