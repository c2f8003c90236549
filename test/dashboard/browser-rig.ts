/** What a browser sends, without the browser: the form of the login, and the cookie from then on. */
import type { Answer, Ask, DashboardRig } from './dashboard-rig.ts';

/** A login, as a browser has it. */
export interface Login {
  /** The header Set-Cookie that brought it. */
  readonly setCookie: string;
  /** The header Cookie. */
  readonly cookie: string;
  /** What is to be sent as x-csrf-token. */
  readonly csrf: string;
  /** Asks by cookie, with the token against forged requests wherever the page would send it. */
  ask(path: string, ask?: Ask): Promise<Answer>;
}

/** What the form sends. */
export function sendForm(
  { ask }: Pick<DashboardRig, 'ask'>,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return ask('/login', {
    token: null,
    raw: new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html', ...headers },
  });
}

/** Logs in with the token that may do everything, or `token`; `steer` ticks the box. */
export async function logIn(
  rig: Pick<DashboardRig, 'ask' | 'token'>,
  { steer = true, token = rig.token }: { steer?: boolean; token?: string } = {},
): Promise<Login> {
  const { headers, status, text } = await sendForm(rig, { token, ...(steer && { steer: 'on' }) });
  if (status !== 303) throw new Error(`the login was answered with ${status}: ${text}`);
  const [setCookie = ''] = headers['set-cookie'] as string[];
  const cookie = setCookie.split(';')[0]!;
  const ask = (path: string, how: Ask, more: Record<string, string>) =>
    rig.ask(path, { token: null, ...how, headers: { cookie, ...more, ...how.headers } });
  // A login that a test lets lapse may be over by now.
  const { csrf = '' } = (await ask('/api/session', {}, {})).json as { csrf?: string };
  return { setCookie, cookie, csrf, ask: (path, how = {}) => ask(path, how, { 'x-csrf-token': csrf }) };
}
