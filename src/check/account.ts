/** Checking one account: both sides are looked at, whatever becomes of the other. */
import type { Account, Endpoint } from '../accounts/account.ts';
import { type Login, type LoginContext, openLogin } from '../accounts/login.ts';
import { systemClock } from '../ground/clock.ts';
import { asMailhaulError, type ErrorCode, MailhaulError } from '../ground/errors.ts';
import { loginKey } from '../limits/lease.ts';
import type { TurnContext } from '../limits/turn.ts';
import type { Doors } from './doors.ts';
import { connectionFindings, type Finding, fitFindings, sourceFindings } from './findings.ts';
import { type HostProfile, messageLimit } from './host-profile.ts';
import { type DestinationLook, lookAtDestination, lookAtSource, type SeenSide, type SourceLook } from './look.ts';
import type { Queues } from './queue.ts';
import { speaksTls, type TlsFacts } from './tls.ts';

/** What checking needs. */
export interface CheckContext extends TurnContext {
  readonly logins: LoginContext;
  /** What has been found out about servers that let nobody in. */
  readonly doors: Doors;
  /**
   * Logins that are looked at now. Where accounts of a list share one, a maildrop would be locked by ourselves, and a
   * refused password tried more often than `credentialTries` before the first refusal is counted.
   */
  readonly queues: Queues;
  /** The profile of the provider of one side; undefined where nothing is known of it. */
  readonly profileOf?: ((endpoint: Endpoint) => HostProfile | undefined) | undefined;
}

/** What was found out about one side. */
export interface CheckedSide<Look> {
  /** undefined where it could not be looked at; then there is a finding that says why. */
  readonly look: Look | undefined;
  readonly tls: TlsFacts | undefined;
}

/** What was found out about an account. */
export interface CheckedAccount {
  readonly source: CheckedSide<SourceLook>;
  readonly destination: CheckedSide<DestinationLook>;
  readonly findings: readonly Finding[];
}

type Side = 'source' | 'destination';

/** Failures that may be gone a moment later; what is busy or silent would only be waited for once more. */
const passing: readonly ErrorCode[] = [
  'connection-lost',
  'connection-refused',
  'host-unknown',
  'server-unavailable',
  'lease-lost',
];

/** Checks one account. Throws only what is wrong with Redis: anything else is the account's, and the others are looked at. */
export async function checkAccount(account: Account, context: CheckContext): Promise<CheckedAccount> {
  const { key, mailbox } = account;
  const [source, destination] = await Promise.all([
    checkSide(account, 'source', context, (login, seen) => lookAtSource(key, login, context, seen)),
    checkSide(account, 'destination', context, (login, seen) => lookAtDestination(mailbox, login, context, seen)),
  ]);
  const findings = [...source.findings, ...destination.findings];
  if (source.look) findings.push(...sourceFindings(account.source, source.look));
  if (source.look && destination.look) {
    const appendLimit = destination.look.appendLimit ?? messageLimit(context.profileOf?.(account.destination));
    findings.push(...fitFindings(account.destination, source.look, { ...destination.look, appendLimit }));
  }
  return { source, destination, findings };
}

async function checkSide<Look extends SourceLook | DestinationLook>(
  account: Account,
  side: Side,
  context: CheckContext,
  look: (login: Login, seen: SeenSide) => Promise<Look>,
): Promise<CheckedSide<Look> & { findings: readonly Finding[] }> {
  const { settings, clock = systemClock } = context;
  const place = account[side];
  const seen: SeenSide = {};
  try {
    const looked = await context.queues.run(loginKey(side === 'source' ? 'pop' : 'imap', place), () =>
      throughDoor(account, side, context, (login) => look(login, seen)),
    );
    const offersTls = side === 'source' ? seen.offered?.has('STLS') === true : looked.capabilities.has('STARTTLS');
    const times = { now: clock.now(), warnDays: settings.checkTlsDays };
    const remarks = connectionFindings(place, seen.tls, offersTls, times);
    return { look: looked, tls: seen.tls, findings: remarks.map((error) => ({ error, count: 1, side })) };
  } catch (thrown) {
    const error = stopAsError(thrown, account, side, context);
    if (/^(?:redis|ledger)-/.test(error.code)) throw error;
    return { look: undefined, tls: seen.tls, findings: [{ error, count: 1, side }] };
  }
}

/** Looks, unless it is known that the server lets nobody in; tries once more what may have passed. */
async function throughDoor<Look>(
  account: Account,
  side: Side,
  context: CheckContext,
  look: (login: Login) => Promise<Look>,
): Promise<Look> {
  const { doors, logins, settings, signal, clock = systemClock } = context;
  const place = account[side];
  const closed = doors.closed(side, place);
  if (closed) throw closed;
  const login = await openLogin(account, side, logins);
  const [againMs] = settings.retryWaitsMs;
  for (let first = true; ; first = false) {
    try {
      return await look(login);
    } catch (thrown) {
      const error = await named(asMailhaulError(thrown), login, context);
      if (signal.aborted) throw error;
      if (first && againMs !== undefined && passing.includes(error.code)) {
        await clock.wait(againMs, signal).catch(() => {});
        continue;
      }
      doors.note(side, place, error);
      throw error;
    }
  }
}

/** How a server that waits for TLS looks to who waits for its greeting. */
const muteCodes: ReadonlySet<string> = new Set([
  'server-silent',
  'greeting-missing',
  'connection-lost',
  'protocol-error',
]);

/** A server that says nothing to a client that waits in plain text may be waiting for TLS itself. */
async function named(error: MailhaulError, login: Login, { settings, signal }: CheckContext): Promise<MailhaulError> {
  const { host, port, security, user, transport } = login;
  const mute = muteCodes.has(error.code);
  if (security === 'tls' || !mute) return error;
  const speaks = await speaksTls({ host, port }, transport, { timeoutMs: settings.popCapaTimeoutMs, signal });
  return speaks ? new MailhaulError('plain-to-tls', { host, port, user, security }, error) : error;
}

/** The reason of a stop comes out of what it stopped, and is no fault. */
function stopAsError(thrown: unknown, account: Account, side: Side, { signal }: CheckContext): MailhaulError {
  if (!signal.aborted || thrown instanceof MailhaulError) return asMailhaulError(thrown);
  return new MailhaulError(
    'connection-lost',
    { host: account[side].host, during: 'a stop that was asked for' },
    thrown,
  );
}
