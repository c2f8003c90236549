/** Servers and lists with every fault that a check should find, and a look at whether anything was written. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { freePorts } from '../../src/demo/free-ports.ts';
import { deliver } from '../../src/demo/maildir.ts';
import type { ImapBehaviour } from '../servers/scripted-imap.ts';
import type { PopBehaviour } from '../servers/scripted-pop3.ts';
import { goodCapabilities } from '../servers/scripted-pop3-session.ts';
import { type HaulRig, type Row, side } from './haul-rig.ts';

/** A fault that several accounts of the list have. */
export interface Fault {
  readonly name: string;
  /** The line of the account number `n` with this fault. */
  line(n: number): Row;
  readonly code: string;
  readonly state: 'complete' | 'incomplete' | 'failed';
  /** What its explanation must say. */
  readonly remedy: RegExp;
}

/** Everything that the tests need to know of what was started. */
export interface CheckServers {
  readonly source: Dovecot;
  readonly destination: Dovecot;
  readonly faults: readonly Fault[];
  /** A line without a fault. */
  good(user: string): Row;
  /** Every mail file of all Dovecots, with its content and time. */
  snapshot(): Promise<Record<string, string>>;
  /** Every command that a scripted server got. */
  commands(): string[];
}

/** Users of the source that have two small messages. */
export const users = Array.from({ length: 62 }, (_, n) => `user-${n}`);

/** How many accounts have each fault. */
export const perFault = 6;

const numbers = Array.from({ length: perFault }, (_, n) => n);
const faultUsers = Array.from({ length: 30 }, (_, fault) => numbers.map((n) => `fault-${fault}-${n}`)).flat();

const heavyUsers = numbers.map((n) => `heavy-${n}`);
const bulkyUsers = numbers.map((n) => `bulky-${n}`);

/** Starts two Dovecots of good will, one with small limits, and scripted servers for what Dovecot does not do. */
export async function startCheckServers(rig: HaulRig): Promise<CheckServers> {
  const tls = await certificates(rig);
  const disabled = await rig.file(
    'disabled',
    numbers.map((n) => `gone-${n}:{PLAIN}pw::::::nologin=y reason=account_disabled\n`).join(''),
  );
  const source = await rig.dovecot({
    protocols: ['pop3'],
    tls: tls.good,
    users: Object.fromEntries([...users, ...faultUsers, ...heavyUsers, ...bulkyUsers].map((user) => [user, 'pw'])),
    extra: [
      'listen = 127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4',
      ...(['expired', 'misnamed', 'selfSigned'] as const).map(
        (kind, n) =>
          `local 127.0.0.${n + 2} {\n  ssl_cert = <${tls[kind].certFile}\n  ssl_key = <${tls[kind].keyFile}\n}`,
      ),
      `passdb {\n  driver = passwd-file\n  args = ${disabled}\n}`,
    ].join('\n'),
  });
  const destination = await rig.dovecot({ protocols: ['imap'], tls: tls.good, users: { box: 'pw' } });
  const narrow = await rig.dovecot({
    protocols: ['imap'],
    // Dovecot 2.3 keeps to its limit and does not announce it.
    imapCapability: 'IMAP4rev1 LITERAL+ NAMESPACE UIDPLUS MULTIAPPEND QUOTA APPENDLIMIT=40960',
    users: { box: 'pw' },
    extra: `mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\nplugin {
      quota = maildir:User quota\n  quota_rule = *:storage=100K\n  quota_max_mail_size = 40K\n}`,
  });
  await fill(source, destination);
  const dovecots = [source, destination, narrow];
  const good = (user: string): Row => ({
    ...secureSide('pop', source.popsPort, user, 'pw', tls.caFile),
    ...secureSide('imap', destination.imapsPort, 'box', 'pw', tls.caFile),
  });
  const { faults, commands } = await faultsOf(rig, { source, destination, narrow, good, caFile: tls.caFile });
  return { source, destination, faults, good, commands, snapshot: () => snapshot(dovecots) };
}

function secureSide(prefix: 'pop' | 'imap', port: number, user: string, password: string, caFile: string): Row {
  return { ...plainSide(prefix, port, user, password), [`${prefix}_security`]: 'tls', [`${prefix}_tls_ca`]: caFile };
}

function plainSide(prefix: 'pop' | 'imap', port: number, user: string, password: string): Row {
  return { ...side(prefix, port, user, password), [`${prefix}_tls_ca`]: '' };
}

/** An authority and four server certificates: a good one, one that has ended, one for another name, one by itself. */
async function certificates(rig: HaulRig) {
  const folder = await rig.folder();
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const made = (name: string) => ({ certFile: path(`${name}.pem`), keyFile: path(`${name}.key`) });
  openssl('req', '-x509', ...key, '-keyout', path('ca.key'), '-out', path('ca.pem'), '-subj', '/CN=the authority');
  const signed = (name: string, names: string, days: string) => {
    const request = ['-keyout', path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', `/CN=${name}`];
    openssl('req', '-new', ...key, ...request, '-addext', `subjectAltName=${names}`);
    const by = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-copy_extensions', 'copy'];
    openssl('x509', '-req', '-in', path(`${name}.csr`), ...by, '-days', days, '-out', path(`${name}.pem`));
    return made(name);
  };
  const own = ['-subj', '/CN=own', '-addext', 'subjectAltName=IP:127.0.0.4'];
  openssl('req', '-x509', ...key, '-keyout', path('own.key'), '-out', path('own.pem'), ...own);
  return {
    caFile: path('ca.pem'),
    good: signed('good', 'IP:127.0.0.1', '90'),
    expired: signed('expired', 'IP:127.0.0.2', '-1'),
    misnamed: signed('misnamed', 'DNS:mail.other.example', '90'),
    selfSigned: made('own'),
  };
}

const message = (n: number, bytes: number) =>
  Buffer.from(`Message-ID: <${n}@check.test>\r\nSubject: ${n}\r\n\r\n${'x'.repeat(70)}\r\n`.padEnd(bytes, 'y'));

async function fill(source: Dovecot, destination: Dovecot): Promise<void> {
  const put = (server: Dovecot, user: string, sizes: readonly number[]) =>
    deliver(
      { server, user },
      sizes.map((bytes, n) => ({ bytes: message(n, bytes), seen: true })),
    );
  for (const user of users) await put(source, user, [500, 700]);
  for (const user of heavyUsers) await put(source, user, [60_000]);
  for (const user of bulkyUsers)
    await put(
      source,
      user,
      Array.from({ length: 10 }, () => 20_000),
    );
  await put(destination, 'box', [500]);
  // Its index first: of many that look at a new Maildir at once, some see nothing in it.
  await destination.doveadm(['mailbox', 'status', '-u', 'box', 'messages', 'INBOX']);
}

interface Started {
  readonly source: Dovecot;
  readonly destination: Dovecot;
  readonly narrow: Dovecot;
  readonly caFile: string;
  good(user: string): Row;
}

type Columns = Row | ((n: number) => Row);

/** Collects the faults, and starts what they need. */
class FaultMaker {
  readonly faults: Fault[] = [];
  readonly #rig: HaulRig;
  readonly #good: Started['good'];
  readonly #pops: { transcript: readonly string[] }[] = [];
  readonly #imaps: Awaited<ReturnType<HaulRig['imap']>>[] = [];

  constructor(rig: HaulRig, good: Started['good']) {
    this.#rig = rig;
    this.#good = good;
  }

  add(name: string, columns: Columns, code: string, remedy: RegExp, state: Fault['state'] = 'failed'): void {
    const user = `fault-${this.faults.length}`;
    const line = (n: number) => ({
      ...this.#good(`${user}-${n}`),
      ...(typeof columns === 'function' ? columns(n) : columns),
    });
    this.faults.push({ name, line, code, state, remedy });
  }

  /** A scripted source that takes everybody. */
  async pop(behaviour: PopBehaviour): Promise<Row> {
    const server = await this.#rig.pop({ anyUser: true, ...behaviour });
    this.#pops.push(server);
    const { pop_user: _user, ...columns } = plainSide('pop', server.port, '', 'secret');
    return columns;
  }

  /** A source that refuses every login with this answer. */
  refusing(reply: string): Promise<Row> {
    return this.pop({ replies: { PASS: `${reply}\r\n` }, capabilities: false });
  }

  /** A destination that refuses every login with this answer. */
  refusingImap(answer: string): Promise<(n: number) => Row> {
    return this.imap({ login: () => answer });
  }

  /** A scripted destination, and a mailbox there that does not exist. */
  async imap(behaviour: ImapBehaviour): Promise<(n: number) => Row> {
    const server = await this.#rig.imap(behaviour);
    this.#imaps.push(server);
    return (n) => ({ ...plainSide('imap', server.port, `someone-${n}`, 'pw'), imap_mailbox: 'Elsewhere' });
  }

  commands(): string[] {
    return [
      ...this.#pops.flatMap(({ transcript }) => transcript),
      ...this.#imaps.flatMap(({ connections }) => connections.flatMap((connection) => connection.commands)),
    ];
  }
}

async function faultsOf(rig: HaulRig, started: Started) {
  const maker = new FaultMaker(rig, started.good);
  await addReachFaults(maker, started);
  await addLoginFaults(maker);
  await addMailFaults(maker, started);
  return { faults: maker.faults, commands: () => maker.commands() };
}

async function addReachFaults(maker: FaultMaker, { source, narrow, caFile }: Started): Promise<void> {
  const at = (host: string): Row => ({ pop_host: host });
  const [nobody = 0] = await freePorts(1);
  maker.add('expired', at('127.0.0.2'), 'tls-unverified', /must renew it.* seen is [0-9A-F:]{95}\. Compare it/);
  maker.add(
    'misnamed',
    at('127.0.0.3'),
    'tls-unverified',
    /names that stand in the certificate as pop_host .*serverName.* seen is [0-9A-F:]{95}/,
  );
  maker.add(
    'self-signed',
    at('127.0.0.4'),
    'tls-unverified',
    /certificate itself, with pop_tls_ca.*pop_tls_pin; .* seen is [0-9A-F:]{95}/,
  );
  maker.add('nobody there', { pop_port: nobody }, 'connection-refused', /firewall/);
  maker.add('unknown host', at('nowhere.invalid'), 'host-unknown', /Correct the host/);
  maker.add('TLS to a plain port', { pop_port: source.popPort }, 'tls-not-spoken', /security starttls with this one/);
  maker.add('plain to a TLS port', { pop_security: 'starttls' }, 'plain-to-tls', /security tls with this port/);
  const plain = { ...plainSide('imap', narrow.imapPort, 'box', 'pw'), imap_security: 'starttls', imap_tls_ca: caFile };
  maker.add('no STARTTLS', plain, 'starttls-missing', /security tls/);
}

async function addLoginFaults(maker: FaultMaker): Promise<void> {
  const refusing = (reply: string) => maker.refusing(reply);
  const refusingImap = (answer: string) => maker.refusingImap(answer);
  maker.add('wrong password', { pop_password: 'no' }, 'credentials-refused', /want the whole address as user name/);
  maker.add('disabled', (n) => ({ pop_user: `gone-${n}` }), 'account-disabled', /administrator/);
  const inUse = '-ERR [IN-USE] Do you have another POP session running?';
  maker.add('in use', await refusing(inUse), 'account-busy', /^The password was not the matter/);
  maker.add(
    'locked',
    await refusing('-ERR maildrop already locked by a client'),
    'account-busy',
    /Close other programs/,
  );
  const gmail = '-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your settings page\r\n';
  maker.add('POP off', await maker.pop({ replies: { LIST: gmail } }), 'pop-disabled', /ask its administrator/);
  const exchange = '-ERR Logon failure: unknown user name or bad password.';
  const perhapsOff = /POP is switched off .* signed in on the web/;
  maker.add('POP off, or not', await refusing(exchange), 'credentials-refused', perhapsOff);
  const appPassword = 'NO [ALERT] Application-specific password required: https://support.example/185833 (Failure)';
  maker.add('app password', await refusingImap(appPassword), 'app-password-needed', /make an app password/);
  const imapOff = 'NO [ALERT] Your account is not enabled for IMAP use.';
  maker.add('IMAP off', await refusingImap(imapOff), 'imap-disabled', /Switch IMAP on/);
  const webLogin = '-ERR [AUTH] Web login required: https://x.example';
  maker.add('web login', await refusing(webLogin), 'web-login-needed', /web browser/);
  const form = '-ERR [AUTH] Please use your full email address as user name';
  maker.add('user form', await refusing(form), 'user-form-wrong', /the whole address, or only the part before the @/);
}

async function addMailFaults(maker: FaultMaker, { narrow }: Started): Promise<void> {
  const quiet = ['IMAP4rev1', 'NAMESPACE', 'UIDPLUS'];
  const toNarrow = plainSide('imap', narrow.imapPort, 'box', 'pw');
  const mail = (uidl: string, n: number) => ({ bytes: message(n, 300), uidl });
  const bulky = (n: number) => ({ pop_user: bulkyUsers[n]!, ...toNarrow });
  const heavy = (n: number) => ({ pop_user: heavyUsers[n]!, ...toNarrow });
  maker.add('quota', bulky, 'quota-too-small', /Raise the quota/);
  maker.add('too big', heavy, 'messages-too-big', /Raise the limit/, 'incomplete');
  const byMailbox = { capabilities: [...quiet, 'APPENDLIMIT'], appendLimits: { INBOX: 40_000 } };
  const limited = await maker.imap(byMailbox);
  const toLimited = (n: number) => ({ pop_user: heavyUsers[n]!, ...limited(n) });
  maker.add('too big for the mailbox', toLimited, 'messages-too-big', /Raise the limit/, 'incomplete');
  // 502 KiB are free for all of them, and each has 200,000 bytes.
  const sharing = await maker.imap({ capabilities: [...quiet, 'QUOTA'] });
  const toShared = (n: number) => ({ pop_user: bulkyUsers[n]!, ...sharing(0), imap_host: 'localhost' });
  maker.add('shared quota', toShared, 'quota-too-small', /Raise the quota/);
  const noUidl = { messages: [mail('a', 1), mail('b', 2)], replies: { UIDL: '-ERR unknown command\r\n' } };
  maker.add('no UIDL', await maker.pop(noUidl), 'uidl-missing', /as long as the first/, 'complete');
  const shared = { messages: [mail('a', 1), mail('a', 2), mail('b', 3)] };
  maker.add('shared UIDL', await maker.pop(shared), 'uidl-shared', /None needed/, 'complete');
  const expiring = { messages: [mail('a', 1)], capabilities: [...goodCapabilities, 'EXPIRE 0'] };
  const source = await maker.pop(expiring);
  const destination = await maker.imap({ capabilities: [...quiet, 'QUOTA'] });
  const both = (n: number) => ({ ...source, ...destination(n) });
  maker.add('EXPIRE 0', both, 'source-expires', /before anything is fetched/, 'incomplete');
}

async function snapshot(dovecots: readonly Dovecot[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { mailRoot } of dovecots) {
    for (const entry of await readdir(mailRoot, { withFileTypes: true, recursive: true })) {
      // Dovecot's own index files are beside these directories.
      if (!entry.isFile() || !['cur', 'new', 'tmp'].includes(basename(entry.parentPath))) continue;
      const path = join(entry.parentPath, entry.name);
      const digest = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      found[path] = `${digest} ${(await stat(path)).mtimeMs}`;
    }
  }
  return found;
}
