import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript, since it runs before anything is installed
import { dependenciesAgree, findBrowser, installScript, plan } from '../scripts/setup-plan.mjs';

const complete = {
  platform: 'linux',
  apt: true,
  root: true,
  sudo: false,
  ci: false,
  terminal: false,
  installed: true,
  built: true,
  linked: true,
  redis: true,
  dovecot: true,
  pop3: true,
  imap: true,
  openssl: true,
  browser: true,
};
const all = { servers: true, browser: true };

describe('the plan of setup', () => {
  it('is empty when nothing is missing', () => {
    expect(plan(complete, all)).toEqual([]);
  });

  it('has everything on a fresh machine, what may fail for want of rights first', () => {
    const fresh = {
      ...complete,
      installed: false,
      built: false,
      linked: false,
      redis: false,
      dovecot: false,
      pop3: false,
      imap: false,
      openssl: false,
      browser: false,
    };
    const packages = ['redis-server', 'dovecot-core', 'dovecot-pop3d', 'dovecot-imapd', 'openssl', 'chromium'];
    const install = { do: 'install-packages', packages, sudo: false, ask: false };
    expect(plan(fresh, all)).toEqual([install, { do: 'npm-ci' }, { do: 'build' }, { do: 'link' }]);
    expect(plan(fresh, { servers: true, browser: false })[0]).toEqual({ ...install, packages: packages.slice(0, -1) });
    expect(plan(fresh, { servers: false, browser: false })[0]).toEqual({ ...install, packages: ['redis-server'] });
  });

  it('builds and links again after an installation, which may have wiped both', () => {
    expect(plan({ ...complete, installed: false }, all)).toEqual([{ do: 'npm-ci' }, { do: 'build' }, { do: 'link' }]);
    expect(plan({ ...complete, built: false }, all)).toEqual([{ do: 'build' }]);
    expect(plan({ ...complete, linked: false }, all)).toEqual([{ do: 'link' }]);
  });

  it.each([
    [
      'asks before sudo',
      { sudo: true, terminal: true },
      { do: 'install-packages', packages: ['redis-server'], sudo: true, ask: true },
    ],
    [
      'asks nobody in CI',
      { sudo: true, ci: true },
      { do: 'install-packages', packages: ['redis-server'], sudo: true, ask: false },
    ],
    [
      'says what to install when nobody can be asked',
      { sudo: true },
      { do: 'give-up', message: expect.stringContaining('apt-get install redis-server') },
    ],
    [
      'says what to install without sudo',
      { terminal: true },
      { do: 'give-up', message: expect.stringContaining('apt-get install redis-server') },
    ],
    [
      'names what is missing on other systems',
      { platform: 'darwin', apt: false },
      { do: 'give-up', message: expect.stringContaining('valkey-server') },
    ],
  ])('%s', (_, facts, step) => {
    expect(plan({ ...complete, root: false, redis: false, installed: false, ...facts }, all)[0]).toEqual(step);
  });

  it('does not install for half an hour before it gives up', () => {
    expect(plan({ ...complete, apt: false, redis: false, installed: false }, all)).toHaveLength(1);
  });
});

describe('the browser of the tests', () => {
  const found = (env: object, ...there: string[]) => findBrowser(env, (path: string) => there.includes(path));

  it('is what CHROMIUM says and nothing else, or the first that is on the PATH', () => {
    const PATH = '/one:/two';
    expect(found({ PATH }, '/one/google-chrome', '/two/chromium')).toBe('/two/chromium');
    expect(found({ PATH, CHROMIUM: '/three/chrome' }, '/three/chrome', '/two/chromium')).toBe('/three/chrome');
    expect(found({ PATH, CHROMIUM: '/three/chrome' }, '/two/chromium')).toBe(undefined);
    expect(found({ PATH })).toBe(undefined);
  });

  it('is asked for by name where setup cannot install it', () => {
    const [step] = plan({ ...complete, platform: 'darwin', apt: false, browser: false }, all);
    expect(step).toEqual({ do: 'give-up', message: expect.stringMatching(/^Missing: Chromium .*CHROMIUM/) });
  });
});

describe('the comparison of installed packages with package-lock.json', () => {
  const lock = (packages: object) => JSON.stringify({ packages });
  const one = { 'node_modules/a': { version: '1.0.0', integrity: 'x' } };

  it('agrees when each is there in its version; packages for other systems may be absent', () => {
    const wanted = lock({ '': { name: 'root' }, ...one, 'node_modules/b': { version: '1.0.0', optional: true } });
    expect(dependenciesAgree(wanted, lock(one))).toBe(true);
  });

  it.each([
    ['nothing is installed', undefined],
    ['one is missing', lock({})],
    ['one has another version', lock({ 'node_modules/a': { version: '1.0.1', integrity: 'x' } })],
    ['one has another content', lock({ 'node_modules/a': { version: '1.0.0', integrity: 'y' } })],
  ])('disagrees when %s', (_, installed) => {
    expect(dependenciesAgree(lock(one), installed)).toBe(false);
  });
});

describe('the installation of system packages', () => {
  let directory: string;
  let policy: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
    policy = join(directory, 'policy-rc.d');
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Runs the script with an apt-get that does as told. */
  function start(aptGet: string) {
    writeFileSync(join(directory, 'apt-get'), `#!/bin/sh\ncd '${directory}'\n${aptGet}\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: `${directory}:${process.env['PATH']}` };
    return spawn('sh', ['-c', installScript(['one', 'two'], policy)], { env, stdio: 'ignore' });
  }

  async function ended(aptGet: string): Promise<number> {
    const [status] = await once(start(aptGet), 'exit');
    return status;
  }

  it('lets no server start meanwhile, and leaves no policy behind', async () => {
    expect(await ended('echo "$@" >> calls; sh policy-rc.d; echo $? >> calls')).toBe(0);
    const calls = readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');
    expect(calls).toEqual(['update -qq', '101', expect.stringMatching(/^install -y .* one two$/), '101']);
    expect(existsSync(policy)).toBe(false);
  });

  it('puts the policy of the administrator back, also after a failure and after a signal', async () => {
    const own = '#!/bin/sh\nexit 0\n';
    writeFileSync(policy, own, { mode: 0o700 });
    expect(await ended('grep -q 101 policy-rc.d || exit 7')).toBe(0);
    expect(readFileSync(policy, 'utf8')).toBe(own);
    expect(await ended('[ "$1" = update ] || exit 100')).toBe(100);
    expect(readFileSync(policy, 'utf8')).toBe(own);
    const running = start('touch begun; while [ -e begun ] && [ ! -e go ]; do sleep 0.01; done');
    while (!existsSync(join(directory, 'begun'))) await wait(5);
    running.kill('SIGTERM');
    writeFileSync(join(directory, 'go'), '');
    expect((await once(running, 'exit'))[0]).toBe(143);
    expect(readFileSync(policy, 'utf8')).toBe(own);
    expect(statSync(policy).mode & 0o777).toBe(0o700);
  });

  it('does not take its own policy, left by a power cut, for that of the administrator', async () => {
    const running = start('touch begun; while [ -e begun ] && [ ! -e go ]; do sleep 0.01; done');
    while (!existsSync(join(directory, 'begun'))) await wait(5);
    running.kill('SIGKILL');
    await once(running, 'exit');
    writeFileSync(join(directory, 'go'), '');
    expect(existsSync(policy)).toBe(true);
    expect(await ended('exit 0')).toBe(0);
    expect(existsSync(policy)).toBe(false);
  });
});

describe('what is delivered beside the program', () => {
  it('.ci/run can be run, and shell accepts it', () => {
    expect(statSync('.ci/run').mode & 0o111).toBe(0o111);
    execFileSync('bash', ['-n', '.ci/run']);
  });
});
