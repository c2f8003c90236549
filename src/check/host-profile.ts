/** What a provider profile (config/providers.yaml) is to a check: the part of it that a check reads. */

/** Something that people should know. */
interface Said {
  readonly text: string;
}

/** What is known of the provider of a host. */
export interface HostProfile {
  /** As people know it. */
  readonly title: string;
  readonly pop?: { readonly user: 'address' | 'local' } | undefined;
  readonly imap?: { readonly user: 'address' | 'local' } | undefined;
  readonly limits: { readonly messageBytes?: { readonly value: number } | undefined };
  /** By name: `appPasswordNeeded`, `mergesDuplicates` and so on. */
  readonly quirks: Readonly<Record<string, Said | undefined>>;
  readonly advice: readonly Said[];
}

type Side = 'source' | 'destination';

/** Quirks that say why a login is refused; they are told with the refusal. */
const loginQuirks = [
  'oauthOnly',
  'appPasswordNeeded',
  'popMustBeEnabled',
  'imapMustBeEnabled',
  'webSignInFirst',
  'loginInterval',
];
/** Quirks that concern one side alone. */
const oneSided: Readonly<Record<string, Side>> = {
  popMustBeEnabled: 'source',
  drainSessions: 'source',
  hidesFetched: 'source',
  topForbidden: 'source',
  sizesEstimated: 'source',
  inboxOnly: 'source',
  twoStepXoauth2: 'source',
  imapMustBeEnabled: 'destination',
  mergesDuplicates: 'destination',
  rewritesMail: 'destination',
  finalCrlfNeeded: 'destination',
};

/** What the provider says of refused logins, `only` these quirks if they are named. */
export function loginText(profile: HostProfile | undefined, side: Side, only: readonly string[] = loginQuirks): string {
  if (!profile) return '';
  const texts = only
    .filter((name) => (oneSided[name] ?? side) === side)
    .flatMap((name) => profile.quirks[name]?.text ?? []);
  return texts.length === 0 ? '' : `${profile.title}: ${texts.join(' ')}`;
}

/** Which form of the user name the provider takes; undefined where that is unknown. */
export function userForm(profile: HostProfile | undefined, side: Side): 'address' | 'local' | undefined {
  return (side === 'source' ? profile?.pop : profile?.imap)?.user;
}

/** Bytes that a message may have there; undefined where that is unknown. */
export function messageLimit(profile: HostProfile | undefined): number | undefined {
  return profile?.limits.messageBytes?.value;
}

/** What else an administrator should know of the provider beforehand. */
export function notesOf(profile: HostProfile | undefined, side: Side): string[] {
  if (!profile) return [];
  const quirks = Object.entries(profile.quirks).filter(
    ([name]) => !loginQuirks.includes(name) && (oneSided[name] ?? side) === side,
  );
  return [...quirks.map(([, quirk]) => quirk), ...profile.advice].flatMap((one) =>
    one ? `${profile.title}: ${one.text}` : [],
  );
}
