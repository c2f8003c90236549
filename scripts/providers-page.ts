/** docs/providers.md: the profiles of config/providers.yaml as a page for people. */
import type { LimitName, Profile, ProfileDoor, QuirkName } from '../src/accounts/profile-schema.ts';
import { readProfiles } from '../src/accounts/profiles.ts';
import { amount } from '../src/limits/budgets.ts';

const intro = `# Mail providers

What Mailhaul knows of providers, each fact with its source and date. Providers change without a word: what is wrong or
missing here you correct in a file of your own, as below. This page is made from \`config/providers.yaml\` by
\`npm run docs\`.

A profile is chosen by its name in \`pop_provider\` or \`imap_provider\` ([accounts.md](accounts.md)), else by the host. It
supplies what line and settings leave empty; its limits hold for the hosts that it names, unless [budgets](budgets.md) say
otherwise for them; and where the provider refuses a login, the report says what it is known to refuse logins for.

Step by step: [from Gmail](from-gmail.md), [to Microsoft 365](to-microsoft-365.md), [Yahoo and AOL](yahoo.md),
[hosters with cPanel, Plesk and the like](generic-hosting.md).

`;

const ownFile = `## A file of your own

The setting \`providersFile\` names a file of the same form as \`config/providers.yaml\`. It adds profiles, and changes those of
the same name: limits and quirks one by one (\`null\` takes one away), everything else as a whole. A host that it claims
belongs to its profile. Source and date are needed there too: whoever comes after you will want to know. The file is read when
a command or the service starts.

\`\`\`yaml
old-server:
  title: The server in the cellar
  hosts: { names: [mail.corp.example], source: our own server, date: 2026-03 }
  pop: { host: mail.corp.example, port: 110, security: starttls, auth: [password], user: local, source: our own server, date: 2026-03 }
  limits:
    connections: { value: 4, source: our own server, date: 2026-03 }
  quirks:
    topForbidden: { text: TOP crashes this server., source: our own server, date: 2026-03 }
gmail:
  limits:
    uploadBytesPerDay: { value: 2000000000, source: our contract, date: 2026-03 }
\`\`\`
`;

const quirkTexts: Readonly<Record<QuirkName, string>> = {
  drainSessions: 'A session lists only a part of the mail: further ones follow until one finds nothing new.',
  hidesFetched: 'What was fetched is listed no more after QUIT.',
  popMustBeEnabled: 'Told with a refused login at the source.',
  imapMustBeEnabled: 'Told with a refused login at the destination.',
  appPasswordNeeded: 'Told with a refused login.',
  oauthOnly: 'Told with a refused login.',
  webSignInFirst: 'Told with a refused login.',
  loginInterval: 'Told with a refused login at the source.',
  twoStepXoauth2: 'An access token is sent on a line of its own.',
  topForbidden: 'TOP is never sent: whole messages are fetched where headers would do.',
  sizesEstimated: 'Listed sizes are not exact. Mailhaul relies on none anywhere.',
  inboxOnly: 'POP shows the inbox alone.',
  mergesDuplicates:
    'The destination keeps one of several messages that it takes for the same: verify takes those with one Message-ID for one.',
  rewritesMail: 'The destination changes header fields: what is appended there counts as rewritten.',
  finalCrlfNeeded: 'Mail without a final line break is refused. Mailhaul sends none such.',
};

const limitTexts: Readonly<Record<LimitName, (value: number) => string>> = {
  messageBytes: (value) => `largest message ${amount(value)}`,
  connections: (value) => `${value} connections`,
  connectionsPerAccount: (value) => `${value} connections for each account`,
  loginsPerSecond: (value) => `${value} logins a second`,
  messagesPerSecond: (value) => `${value} messages a second`,
  messagesPerSecondPerAccount: (value) => `${value} messages a second for each account`,
  bytesPerSecond: (value) => `${amount(value)} a second`,
  downloadBytesPerDay: (value) => `${amount(value)} a day down, for each account`,
  uploadBytesPerDay: (value) => `${amount(value)} a day up, for each account`,
};

/** The text of docs/providers.md. */
export function providersPage(): string {
  const { all } = readProfiles();
  const rows = all.map((profile) => {
    const { name, title, pop, imap } = profile;
    return `| \`${name}\` | ${title} | ${doorText(pop, 995)} | ${doorText(imap, 993)} | ${userText(profile)} |`;
  });
  const table = ['| name | provider | POP3 | IMAP | user name |', '| --- | --- | --- | --- | --- |', ...rows, ''];
  const facts = all.map((profile) => section(profile)).filter((text) => text !== '');
  return `${intro}${table.join('\n')}\n${facts.join('\n')}\n${ownFile}${fieldTables()}`;
}

function fieldTables(): string {
  const quirks = Object.entries(quirkTexts).map(([name, text]) => `| \`${name}\` | ${text} |`);
  const limits = Object.keys(limitTexts).map((name) => `\`${name}\``);
  const what = `Limits are ${limits.join(', ')}: all but the first are those of [budgets](budgets.md). Quirks:`;
  return `\n${what}\n\n| quirk | what it does |\n| --- | --- |\n${quirks.join('\n')}\n`;
}

function doorText(door: ProfileDoor | undefined, usual: number): string {
  if (!door) return '–';
  const where = door.host === undefined ? 'its own host' : `\`${door.host}\``;
  return `${where} ${door.port ?? usual}, ${door.auth.map((kind) => kind.replace('-', ' ')).join(' or ')}`;
}

function userText({ pop, imap }: Profile): string {
  return (imap ?? pop)?.user === 'local' ? 'the part before the @' : 'the address';
}

function section({ title, limits, quirks, advice }: Profile): string {
  const facts = [
    ...(Object.keys(limits) as LimitName[]).flatMap((name) => limitFacts(name, limits[name])),
    ...Object.keys(quirks).flatMap((name) => quirks[name as QuirkName] ?? []),
    ...advice,
  ];
  if (facts.length === 0) return '';
  // What is said of POP and of IMAP alike is told once.
  const lines = facts.map(({ text, source, date }) => `- ${text} (${source}, ${date})`);
  return `## ${title}\n\n${[...new Set(lines)].join('\n')}\n`;
}

function limitFacts(name: LimitName, fact: Profile['limits'][LimitName]) {
  return fact ? [{ ...fact, text: `${capital(limitTexts[name](fact.value))}.` }] : [];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
