/** What is asked of a session that fetches, and who takes what it gives. */

/** One message that is wanted. */
export interface PopRequest {
  /** Its number in this session. */
  number: number;
  /** Its listed size, 0 if none is known: it only decides how many are in flight. */
  octets: number;
  /** Fetch the header alone (TOP n 0). */
  headersOnly?: boolean;
}

/**
 * Takes the messages, strictly in the order of their requests: start, any number of data, end; or refused alone.
 * A promise that a call returns stops the stream until it settles, and its rejection ends the session.
 */
export interface PopSink {
  start(request: PopRequest): void | Promise<void>;
  /**
   * Bytes of the message, unstuffed, in slices of any size, the CRLF of the last line included. A chunk is not written
   * to again: whoever wants to keep it may.
   */
  data(chunk: Buffer): void | Promise<void>;
  /**
   * The message is complete: its terminator was seen, and what came behind it was an answer, or nothing. From a server
   * that stuffs no dots a terminator may stand in the middle of a message, and the rest of it comes behind.
   */
  end(): void | Promise<void>;
  /** The server refuses this one; `reply` is its -ERR line, safe to show. */
  refused(request: PopRequest, reply: string): void | Promise<void>;
}

/** What a header is taken for when the octets in flight are added up. */
const headerOctets = 16384;

/** Octets that a request counts for while it is in flight. */
export function weight({ octets, headersOnly }: PopRequest): number {
  return headersOnly ? Math.min(octets, headerOctets) : octets;
}
