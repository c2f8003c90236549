/** Servers that let nobody in: found out once, and not by every account of a list. */
import type { Endpoint } from '../accounts/account.ts';
import type { MailhaulError } from '../ground/errors.ts';

type Side = 'source' | 'destination';

/** What one check has learned about the doors of servers. */
export class Doors {
  readonly #closed = new Map<string, MailhaulError>();

  /** Why nobody gets in there; undefined where that is not known. */
  closed(side: Side, endpoint: Endpoint): MailhaulError | undefined {
    return this.#closed.get(doorOf(side, endpoint));
  }

  /**
   * Notes a failure, if it is that of this server rather than of an account, or of where its tokens come from. Gives the
   * error that is told: of several that came to the same door at once, all tell the first.
   */
  note(side: Side, endpoint: Endpoint, error: MailhaulError): MailhaulError {
    const { host = endpoint.host } = error.details;
    if (error.stops !== 'host' || host !== endpoint.host) return error;
    const door = doorOf(side, endpoint);
    const first = this.#closed.get(door);
    if (first?.code === error.code) return first;
    this.#closed.set(door, error);
    return error;
  }
}

/** Everything of an endpoint that decides who gets in there, other than by name and password. */
function doorOf(side: Side, endpoint: Endpoint): string {
  const { user: _user, password: _password, authzUser: _authzUser, auth: _auth, ...door } = endpoint;
  return JSON.stringify([side, Object.entries(door).sort()]);
}
