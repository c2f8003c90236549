/** What a provider's profile has to say to a login that it refused, and what else there is to know of it. */
import { MailhaulError } from '../ground/errors.ts';
import type { Account, Endpoint } from './account.ts';
import type { Profile, QuirkName } from './profile-schema.ts';
import type { Profiles } from './profiles.ts';

type Side = 'source' | 'destination';

/** Quirks that make a provider refuse a login though user and password are right. */
const reasons: Readonly<Record<Side, readonly QuirkName[]>> = {
  source: ['oauthOnly', 'appPasswordNeeded', 'popMustBeEnabled', 'webSignInFirst', 'loginInterval'],
  destination: ['oauthOnly', 'appPasswordNeeded', 'imapMustBeEnabled', 'webSignInFirst'],
};

/** The other quirks that a person should know of beforehand. */
const remarks: Readonly<Record<Side, readonly QuirkName[]>> = {
  source: ['drainSessions', 'hidesFetched', 'topForbidden', 'sizesEstimated', 'inboxOnly', 'twoStepXoauth2'],
  destination: ['mergesDuplicates', 'rewritesMail', 'finalCrlfNeeded'],
};

/** What to look at when a provider refuses a login at this side, `only` by these quirks; undefined where nothing is known. */
export function loginAdvice(profile: Profile | undefined, side: Side, only = reasons[side]): string | undefined {
  const texts = reasons[side]
    .filter((quirk) => only.includes(quirk))
    .flatMap((one) => profile?.quirks[one]?.text ?? []);
  return texts.length === 0 ? undefined : `${profile!.title}: ${[...new Set(texts)].join(' ')}`;
}

/** What else an administrator should know of a provider before mail moves from or to it. */
export function notesOf(profile: Profile | undefined, side: Side): string[] {
  if (!profile) return [];
  const known = [...remarks[side].flatMap((quirk) => profile.quirks[quirk] ?? []), ...profile.advice];
  return known.map(({ text }) => `${profile.title}: ${text}`);
}

/** The error with the advice of the provider's profile in its remedy, where it is a refused login of this side. */
export function advised(error: MailhaulError, account: Account, side: Side, profiles: Profiles): MailhaulError {
  if (error.code !== 'credentials-refused' && error.code !== 'login-mechanism') return error;
  const endpoint: Endpoint = account[side];
  if (error.details['host'] !== endpoint.host) return error;
  const advice = loginAdvice(profiles.of(endpoint), side);
  return advice === undefined ? error : new MailhaulError(error.code, { ...error.details, advice }, error);
}

/** The same of both sides, for who does not know which of them it was. */
export function advisedOfEither(error: MailhaulError, account: Account, profiles: Profiles): MailhaulError {
  const ofSource = advised(error, account, 'source', profiles);
  return ofSource === error ? advised(error, account, 'destination', profiles) : ofSource;
}
