/** What a provider profile supplies to a line of the account list, where line and defaults leave something empty. */
import { printable } from '../ground/errors.ts';
import type { Profile, ProfileDoor } from './profile-schema.ts';
import type { Profiles } from './profiles.ts';

type Side = 'pop' | 'imap';

/** A line as it stands, with the defaults of the settings. */
export interface GivenCells {
  /** Empty where neither has a value. */
  of(column: string): string;
  complain(text: string): void;
}

/**
 * The values of columns that the profiles of both sides supply; none of a column that has a value. Complains of a
 * provider that does not exist, and of one that has no such side.
 */
export function suppliedBy(profiles: Profiles, cells: GivenCells): Map<string, string> {
  const values = new Map<string, string>();
  for (const side of ['pop', 'imap'] as const) {
    const profile = profileOf(profiles, cells, side);
    const door = profile?.[side];
    if (door) supply(door, side, cells, (name, value) => values.set(`${side}_${name}`, value));
    // A host says that its provider has no POP3 (iCloud has none); that it has no IMAP nobody has looked into.
    else if (profile && (side === 'pop' || cells.of('imap_provider') !== '')) {
      cells.complain(missingSide(profile, side, cells));
    }
  }
  return values;
}

function profileOf(profiles: Profiles, cells: GivenCells, side: Side): Profile | undefined {
  const name = cells.of(`${side}_provider`);
  if (name === '') return profiles.forHost(cells.of(`${side}_host`).replace(/\.$/, ''), addressOf(cells, side));
  const profile = profiles.named(name);
  if (profile) return profile;
  const meant = profiles.nearestName(name);
  const known = profiles.all.map((one) => one.name).sort();
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  cells.complain(
    `${side}_provider is ${JSON.stringify(printable(name, 60))}, expected one of ${known.join(', ')}${hint}`,
  );
  return undefined;
}

function missingSide({ name, title }: Profile, side: Side, cells: GivenCells): string {
  const column = cells.of(`${side}_provider`) === '' ? `${side}_host` : `${side}_provider`;
  const [is, only] = side === 'pop' ? ['POP3', 'destination'] : ['IMAP', 'source'];
  return `${column} is that of ${title}, which has no ${is}: the provider ${name} can be a ${only} only`;
}

function supply(door: ProfileDoor, side: Side, cells: GivenCells, give: (name: string, value: string) => void): void {
  const isEmpty = (name: string) => cells.of(`${side}_${name}`) === '';
  const address = addressOf(cells, side);
  const [local = '', domain = ''] = address.split('@');
  if (isEmpty('host') && door.host !== undefined && (domain !== '' || !door.host.includes('{'))) {
    give('host', door.host.replace('{domain}', domain.toLowerCase()));
  }
  const security = door.security ?? 'tls';
  if (isEmpty('security')) give('security', security);
  // A port belongs to the security that it is known with.
  const asKnown = isEmpty('security') || cells.of(`${side}_security`).toLowerCase() === security;
  if (isEmpty('port') && door.port !== undefined && asKnown) give('port', String(door.port));
  if (isEmpty('auth') && door.mechanism !== undefined) give('auth', door.mechanism);
  if (isEmpty('user') && address !== '') give('user', door.user === 'local' ? local : address);
}

/** The address that the line is about: the user, or the id, if that is one. */
function addressOf(cells: GivenCells, side: Side): string {
  return [cells.of(`${side}_user`), cells.of('id')].find((text) => /^[^@\s]+@[^@\s]+$/.test(text)) ?? '';
}
