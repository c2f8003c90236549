/** The login that imapflow does: chosen before it begins, and judged when it is done. */
import { MailhaulError } from '../ground/errors.ts';
import type { Credentials } from './credentials.ts';
import { chooseLogin, type ImapLogin } from './mechanism.ts';

/** What of imapflow is used here: parts that its types keep to itself. The tests of the logins fail when a version moves them. */
export interface FlowLogin {
  greeting?: unknown;
  authCapabilities: Map<string, boolean>;
  capabilities: Map<string, boolean | number>;
  options: { auth: ImapLogin['auth'] };
  authenticate(): Promise<boolean>;
}

/**
 * Chooses the login when imapflow is about to: it would fall back without a word, and knows no order but its own.
 * `onCapabilities` is called right before, when those are known that count: after STARTTLS, where it is used.
 */
export function steerLogin(
  flow: FlowLogin,
  endpoint: Credentials,
  onCapabilities: () => void = () => {},
): { login: ImapLogin | undefined } {
  const steered: { login: ImapLogin | undefined } = { login: undefined };
  const authenticate = flow.authenticate.bind(flow);
  flow.authenticate = async () => {
    onCapabilities();
    // After PREAUTH there is nothing to log in for; assertLogin judges that
    if (flow.greeting === undefined) return authenticate();
    const login = chooseLogin(endpoint, flow.capabilities);
    steered.login = login;
    flow.options.auth = login.auth;
    if (login.hidden !== undefined) flow.capabilities.delete(login.hidden);
    return authenticate();
  };
  return steered;
}

/** Judges the login that imapflow did. Throws MailhaulError. */
export function assertLogin(
  flow: FlowLogin,
  endpoint: Credentials & { security: string },
  login: ImapLogin | undefined,
): void {
  const { host, port, user, auth, security } = endpoint;
  // RFC 3501 §7.1.4: PREAUTH skips the login and with it STARTTLS, so who is at the other end was never asked
  if (flow.greeting === undefined && security !== 'none') {
    throw new MailhaulError('login-mechanism', { host, port, user, wanted: auth, offered: 'PREAUTH' });
  }
  if (flow.greeting === undefined) return;
  const used = flow.authCapabilities;
  const mechanism = login?.mechanism ?? auth;
  if (used.get(mechanism) === true || used.get(`AUTH=${mechanism}`) === true) return;
  throw new MailhaulError('login-mechanism', { host, port, user, wanted: mechanism, offered: 'another login' });
}
