/** What a provider's profile has to say to a login that it refused. */
import { MailhaulError } from '../ground/errors.ts';
import type { Account, Endpoint } from './account.ts';
import type { Profile, QuirkName } from './profile-schema.ts';
import type { Profiles } from './profiles.ts';

/** Quirks that make a provider refuse a login though user and password are right. */
const reasons: Readonly<Record<'source' | 'destination', readonly QuirkName[]>> = {
  source: ['oauthOnly', 'appPasswordNeeded', 'popMustBeEnabled', 'webSignInFirst', 'loginInterval'],
  destination: ['oauthOnly', 'appPasswordNeeded', 'imapMustBeEnabled', 'webSignInFirst'],
};

/** What to look at when a provider refuses a login at this side; undefined where nothing is known. */
export function loginAdvice(profile: Profile, side: 'source' | 'destination'): string | undefined {
  const texts = reasons[side].flatMap((quirk) => profile.quirks[quirk]?.text ?? []);
  return texts.length === 0 ? undefined : `${profile.title}: ${[...new Set(texts)].join(' ')}`;
}

/** The error with the advice of the provider's profile in its remedy, where it is a refused login of this side. */
export function advised(
  error: MailhaulError,
  account: Account,
  side: 'source' | 'destination',
  profiles: Profiles,
): MailhaulError {
  if (error.code !== 'credentials-refused' && error.code !== 'login-mechanism') return error;
  const endpoint: Endpoint = account[side];
  if (error.details['host'] !== endpoint.host) return error;
  const profile = profiles.of(endpoint);
  const advice = profile && loginAdvice(profile, side);
  return advice === undefined ? error : new MailhaulError(error.code, { ...error.details, advice }, error);
}

/** The same of both sides, for who does not know which of them it was. */
export function advisedOfEither(error: MailhaulError, account: Account, profiles: Profiles): MailhaulError {
  const ofSource = advised(error, account, 'source', profiles);
  return ofSource === error ? advised(error, account, 'destination', profiles) : ofSource;
}
