/** The SASL mechanisms that hand the password over: PLAIN and LOGIN. Safe under TLS only. */
import type { PopEndpoint } from './endpoint.ts';
import type { SaslDialogue } from './sasl-exchange.ts';

/** PLAIN (RFC 4616 §2): the only one of the two that can open the maildrop of somebody else. */
export function plain({ user, password, authzUser = '' }: PopEndpoint): SaslDialogue {
  const initial = `${authzUser}\0${user}\0${password}`;
  return { name: 'PLAIN', initial, finished: true, respond: () => initial };
}

/** LOGIN (draft-murchison-sasl-login): user name and password, each when asked. What the questions say differs. */
export function login({ user, password }: PopEndpoint): SaslDialogue {
  const left = [user, password];
  return {
    name: 'LOGIN',
    get finished() {
      return left.length === 0;
    },
    respond: () => left.shift() ?? '',
  };
}
