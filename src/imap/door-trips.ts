/**
 * What imapflow asks on its way in costs a round trip each, whether anybody needs the answer or not: here is what is left
 * out, and how two connections share the wait for a login. The tests fail when a version of imapflow moves its part.
 */

/** What of imapflow is used here. */
export interface FlowTrips {
  authenticated: boolean | string;
  skipLsub: boolean;
  readonly capabilities: ReadonlyMap<string, unknown>;
  readonly options: { readonly auth: { readonly user: string; readonly pass?: string; readonly authzid?: string } };
  exec(command: string, attributes: readonly FlowWord[] | false, options?: object): Promise<unknown>;
  run(command: string, ...args: unknown[]): Promise<unknown>;
  authenticate(): Promise<boolean>;
}

interface FlowWord {
  readonly type: string;
  readonly value: string;
  readonly sensitive?: boolean;
}

/** What is left out, and when the login may begin. */
export interface FewerTrips {
  /** True where nobody asks the connection for names: its ID goes along with its first command instead. */
  readonly onlyAppends?: boolean | undefined;
  /** The login waits for this; where it rejects there is none. */
  readonly admitted?: (() => Promise<void>) | undefined;
  /** Called when the server has let us in. */
  readonly onAdmitted?: (() => void) | undefined;
}

/** Leaves out of imapflow's session what is not needed, and holds its login back where that is asked. */
export function spareTrips(flow: FlowTrips, { onlyAppends = false, admitted, onAdmitted }: FewerTrips): void {
  // Subscriptions are of no use here: LSUB would say \Noselect of what is merely not subscribed (RFC 3501 §6.3.9)
  flow.skipLsub = true;
  const run = flow.run.bind(flow);
  flow.run = async (command, ...args) => {
    const name = command.toUpperCase();
    // RFC 2971 §3.1 has it in any state. Once is enough, and after the login: there it is that some servers insist on it
    if (name === 'ID' && (onlyAppends || !flow.authenticated)) return undefined;
    if (name === 'NAMESPACE' && onlyAppends) return undefined;
    return run(command, ...args);
  };
  const exec = flow.exec.bind(flow);
  flow.exec = (command, attributes, more) => exec(command, withResponse(flow, command, attributes), more);
  const logIn = flow.authenticate.bind(flow);
  flow.authenticate = async () => {
    await admitted?.();
    const done = await logIn();
    onAdmitted?.();
    return done;
  };
}

/**
 * Puts what PLAIN says into its command, where the server offers that (RFC 4959). A server that asks for it all the same
 * has imapflow say it once more.
 */
function withResponse(
  flow: FlowTrips,
  command: string,
  words: readonly FlowWord[] | false,
): readonly FlowWord[] | false {
  if (command !== 'AUTHENTICATE' || !words || words.length !== 1 || words[0]?.value !== 'PLAIN') return words;
  const { user, pass, authzid = '' } = flow.options.auth;
  if (pass === undefined || !flow.capabilities.has('SASL-IR')) return words;
  const response = Buffer.from([authzid, user, pass].join('\x00')).toString('base64');
  return [...words, { type: 'ATOM', value: response, sensitive: true }];
}
