/** Checking one account: both sides are looked at, whatever becomes of the other. */
import type { Account } from '../accounts/account.ts';
import { type Login, type LoginContext, openLogin } from '../accounts/login.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { systemClock } from '../ground/clock.ts';
import { asMailhaulError, type ErrorCode, MailhaulError } from '../ground/errors.ts';
import { loginKey } from '../limits/lease.ts';
import type { TurnContext } from '../limits/turn.ts';
import type { Doors } from './doors.ts';
import { connectionFindings, type Finding, fitFindings, sourceFindings } from './findings.ts';
import {
  type DestinationLook,
  type Listed,
  lookAtDestination,
  lookAtSource,
  type SeenSide,
  type SourceLook,
} from './look.ts';
import type { Queues } from './queue.ts';
import { shownFingerprint, speaksTls, type TlsFacts } from './tls.ts';

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
}

/** What was found out about one side. */
export interface CheckedSide<Look> {
  /** undefined where it could not be looked at; then there is a finding that says why. */
  readonly look: Look | undefined;
  readonly tls: TlsFacts | undefined;
  /** What the server lists behind the login, else what it listed before; undefined where it did not come so far. */
  readonly capabilities: Listed | undefined;
}

/** What was found out about an account. */
export interface CheckedAccount {
  readonly source: CheckedSide<SourceLook>;
  readonly destination: CheckedSide<DestinationLook>;
  /** Bytes of what is to come and is not too large for the destination. */
  readonly fitting: number;
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
  const profiles = profilesOf(context.settings);
  const inParts = profiles.of(account.source)?.quirks.drainSessions !== undefined;
  if (source.look) findings.push(...sourceFindings(account.source, source.look, inParts));
  const known = profiles.of(account.destination)?.limits.messageBytes?.value;
  const appendLimit = destination.look?.appendLimit ?? known;
  if (source.look && destination.look) {
    findings.push(...fitFindings(account.destination, source.look, { ...destination.look, appendLimit }));
  }
  const fitting = source.look?.incoming.bytesWithin(appendLimit) ?? 0;
  return { source, destination, fitting, findings };
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
    const offersTls = seen.offered?.has(side === 'source' ? 'STLS' : 'STARTTLS') === true;
    const times = { now: clock.now(), warnDays: settings.checkTlsDays };
    const remarks = connectionFindings(place, seen.tls, offersTls, times);
    const { capabilities } = looked;
    return { look: looked, tls: seen.tls, capabilities, findings: remarks.map((error) => ({ error, count: 1, side })) };
  } catch (thrown) {
    const error = stopAsError(thrown, account, side, context);
    if (/^(?:redis|ledger)-/.test(error.code)) throw error;
    return { look: undefined, tls: seen.tls, capabilities: seen.offered, findings: [{ error, count: 1, side }] };
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
      const error = await named(asMailhaulError(thrown), login, side, context);
      if (signal.aborted) throw error;
      if (first && againMs !== undefined && passing.includes(error.code)) {
        await clock.wait(againMs, signal).catch(() => {});
        continue;
      }
      throw doors.note(side, place, error);
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

/**
 * What a second connection tells of a failure: a server that says nothing to a client that waits in plain text may be
 * waiting for TLS itself, and a certificate that does not verify has a fingerprint that people can compare.
 */
async function named(
  error: MailhaulError,
  login: Login,
  side: Side,
  { settings, signal }: CheckContext,
): Promise<MailhaulError> {
  const { host, port, security, user, transport } = login;
  const opening = { timeoutMs: settings.popCapaTimeoutMs, signal };
  if (error.code === 'tls-unverified') {
    const fingerprint = await shownFingerprint(login, side === 'source' ? 'pop3' : 'imap', transport, opening);
    return fingerprint === undefined ? error : new MailhaulError(error.code, { ...error.details, fingerprint }, error);
  }
  if (security === 'tls' || !muteCodes.has(error.code)) return error;
  const speaks = await speaksTls({ host, port }, transport, opening);
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
