// What setup has to do, as pure functions of what was found: setup.mjs looks and acts, this file decides.

/**
 * @typedef {object} Facts
 * @property {string} platform as process.platform names it
 * @property {boolean} apt whether apt-get is on the PATH
 * @property {boolean} root whether the user is root
 * @property {boolean} sudo whether sudo is on the PATH
 * @property {boolean} ci whether CI is set
 * @property {boolean} terminal whether someone can be asked
 * @property {boolean} installed whether node_modules agrees with package-lock.json
 * @property {boolean} built whether dist/ is newer than everything it is made of
 * @property {boolean} linked whether node_modules/.bin/mailhaul points to the built command
 * @property {boolean} redis whether redis-server or valkey-server is on the PATH
 * @property {boolean} dovecot whether Dovecot is there
 * @property {boolean} pop3 whether Dovecot's pop3 part is there
 * @property {boolean} imap whether Dovecot's imap part is there
 * @property {boolean} openssl whether openssl is on the PATH
 * @property {boolean} browser whether a browser that the tests can drive is there
 */

/**
 * @typedef {{ do: 'install-packages', packages: string[], sudo: boolean, ask: boolean }
 *   | { do: 'npm-ci' } | { do: 'build' } | { do: 'link' } | { do: 'give-up', message: string }} Step
 */

/** What each thing is called for people and in Debian, and what it is for: the option by which it is wanted, or always. */
const needs = {
  redis: { name: 'a Redis server (redis-server or valkey-server)', debian: 'redis-server', for: 'always' },
  dovecot: { name: 'Dovecot', debian: 'dovecot-core', for: 'servers' },
  pop3: { name: "Dovecot's POP3 server", debian: 'dovecot-pop3d', for: 'servers' },
  imap: { name: "Dovecot's IMAP server", debian: 'dovecot-imapd', for: 'servers' },
  openssl: { name: 'openssl', debian: 'openssl', for: 'servers' },
  browser: { name: 'Chromium (or CHROMIUM with the path of one)', debian: 'chromium', for: 'browser' },
};

/** What Chromium and its kin are called, the one of Debian first. */
const browserNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * Where the browser is that the tests drive: CHROMIUM, and nothing else where it is set, or the first on the PATH.
 *
 * @param {Record<string, string | undefined>} env
 * @param {(path: string) => boolean} runnable whether a path can be run
 * @returns {string | undefined}
 */
export function findBrowser(env, runnable) {
  const directories = (env.PATH ?? '').split(':').filter(Boolean);
  const places = browserNames.flatMap((name) => directories.map((directory) => `${directory}/${name}`));
  return (env.CHROMIUM ? [env.CHROMIUM] : places).find(runnable);
}

/**
 * The steps that are missing, in their order. What needs a person comes first, so that nobody waits for a download to
 * learn that it was in vain.
 *
 * @param {Facts} facts
 * @param {{ servers: boolean, browser: boolean }} options servers: whether the mail servers of the demonstration and the
 * tests are wanted; browser: whether that of the tests is
 * @returns {Step[]}
 */
export function plan(facts, options) {
  const missing = Object.entries(needs).filter(
    ([fact, need]) => !facts[fact] && (need.for === 'always' || options[need.for]),
  );
  const steps = [];
  if (missing.length > 0)
    steps.push(
      packageStep(
        facts,
        missing.map(([, need]) => need),
      ),
    );
  if (steps.some((step) => step.do === 'give-up')) return steps;
  if (!facts.installed) steps.push({ do: 'npm-ci' });
  if (!facts.installed || !facts.built) steps.push({ do: 'build' });
  if (!facts.installed || !facts.linked) steps.push({ do: 'link' });
  return steps;
}

function packageStep(facts, missing) {
  const names = missing.map((need) => need.name).join(', ');
  const packages = missing.map((need) => need.debian);
  const giveUp = (advice) => ({ do: 'give-up', message: `Missing: ${names}. ${advice} Then run npm run setup again.` });
  if (facts.platform !== 'linux' || !facts.apt) return giveUp('Install it with the package manager of this system.');
  const byHand = `Install it as root: apt-get install ${packages.join(' ')}.`;
  if (!facts.root && !facts.sudo) return giveUp(byHand);
  if (!facts.root && !facts.ci && !facts.terminal) return giveUp(byHand);
  return { do: 'install-packages', packages, sudo: !facts.root, ask: !facts.root && !facts.ci };
}

/**
 * Whether what npm noted in node_modules/.package-lock.json is what package-lock.json asks for. Packages for other
 * systems are optional and may be absent.
 *
 * @param {string} lock text of package-lock.json
 * @param {string | undefined} installed text of node_modules/.package-lock.json
 */
export function dependenciesAgree(lock, installed) {
  if (installed === undefined) return false;
  const there = JSON.parse(installed).packages;
  return Object.entries(JSON.parse(lock).packages).every(([path, entry]) => {
    if (path === '' || (there[path] === undefined && entry.optional)) return true;
    return there[path]?.version === entry.version && there[path]?.integrity === entry.integrity;
  });
}

/** Where a server that a package installs would ask whether it may start (the system's own policy, if any, is kept). */
export const policyFile = '/usr/sbin/policy-rc.d';

/**
 * A shell script that installs Debian packages without starting what is in them. The file that forbids the start goes
 * away in every case, and one that was there before comes back; after a power cut the next run sees to it.
 *
 * @param {string[]} packages
 * @param {string} policy
 */
export function installScript(packages, policy = policyFile) {
  return `set -eu
policy='${policy}' kept='${policy}.before-mailhaul'
restore() {
  trap '' INT TERM HUP
  rm -f "$policy"
  if [ -e "$kept" ]; then mv "$kept" "$policy"; fi
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ -e "$policy" ] && ! grep -q 'mailhaul setup' "$policy"; then mv "$policy" "$kept"; fi
printf '#!/bin/sh\\n# mailhaul setup: nothing starts while it installs\\nexit 101\\n' > "$policy"
chmod 755 "$policy"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || echo 'apt-get update failed; going on with the lists at hand' >&2
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 ${packages.join(' ')}
`;
}
