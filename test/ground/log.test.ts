import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLog, type LogOptions, openLog } from '../../src/ground/log.ts';
import { accountLog, testFolder } from './log-rig.ts';

const canary = 'cAnArY-4711';
const hostile = 'end\u001b[2J\u009b31m \u202etxt.exe\u2028next\nforged: line\u0007';
/** What a terminal would obey, line ends aside. */
const obeyed = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** What a log of this form has written when the last line is there. */
async function written(more: Partial<LogOptions>, write: (log: Awaited<ReturnType<typeof openLog>>) => void) {
  const destination = join(testFolder(), 'log');
  const log = await openLog({ level: 'trace', destination, ...more });
  write(log);
  log.info('the end');
  await expect.poll(() => readFileSync(destination, 'utf8'), { timeout: 20_000 }).toContain('the end');
  return readFileSync(destination, 'utf8');
}

const forms: [string, Partial<LogOptions>][] = [
  ['JSON', {}],
  ['pretty', { pretty: { colour: false } }],
  ['pretty in colours', { pretty: { colour: true } }],
];

describe('a log', () => {
  it.each(forms)('has no secret, wherever it stands: %s', async (_name, form) => {
    const text = await written(form, (log) => {
      const names = ['password', 'pass', 'secret', 'token', 'accessToken', 'refreshToken', 'clientSecret'];
      const all = Object.fromEntries([...names, 'authorization', 'cookie'].map((name) => [name, canary]));
      log.info(all, 'plain');
      log.warn({ one: all, two: { one: all }, three: { two: { one: all } } }, 'deep');
      log.child({ account: 'ann', ...all }).debug({ endpoint: all }, 'child');
      log.error({ err: Object.assign(new Error('broke'), all, { endpoint: all }) }, 'error');
    });
    expect(text).toContain('[secret]');
    expect(text).toContain('broke');
    expect(text).not.toContain(canary);
  });

  it.each(forms)('makes what servers say safe for a terminal: %s', async (name, form) => {
    const text = await written(form, (log) => {
      log.info({ account: hostile, reason: hostile, [hostile]: [hostile, { deep: hostile }] }, hostile);
      log.error({ err: new Error(hostile) }, 'error');
    });
    const colours = /\u001b\[\d+m/g;
    const plain = name.endsWith('colours') ? text.replace(colours, '') : text;
    expect(obeyed.exec(plain)).toBeNull();
    expect(text).toContain('\\u009b31m');
    for (const line of text.split('\n')) expect(line).not.toMatch(/^forged/);
    if (name === 'JSON') expect(JSON.parse(text.split('\n')[0]!)).toMatchObject({ msg: hostile, reason: hostile });
  });
});

describe('a pretty log', () => {
  it('has time, level, account and event first, and the rest behind it on the same line', async () => {
    const text = await written({ pretty: { colour: false } }, (log) =>
      log.child({ account: 'ann', run: 'r1' }).warn({ code: 'server-silent' }, 'session failed'),
    );
    const line =
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] WARN: ann: session failed \{"run":"r1","code":"server-silent"\}$/m;
    expect(text).toMatch(line);
  });

  it('has colours where it is asked to', async () => {
    const text = await written({ pretty: { colour: true } }, () => {});
    expect(text).toContain('\u001b[32mINFO\u001b[39m');
  });
});

describe('the files of accounts', () => {
  it('have the lines about each, of children and of others, and no line of the rest', async () => {
    const folder = testFolder();
    const all = join(folder, 'all.log');
    const log = createLog({ level: 'info', destination: all, accountFiles: { folder, maxBytes: 1e6, openMax: 4 } });
    log.child({ account: 'ann', run: 'r1' }).info({ messages: 2 }, 'mail taken');
    log.info({ account: 'ann' }, 'run ended');
    log.info({ account: 'bob' }, 'run begins');
    log.info('ready');
    const events = (file: string) =>
      readFileSync(join(folder, file), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    expect(events('ann.log')).toMatchObject([
      { account: 'ann', run: 'r1', messages: 2, msg: 'mail taken' },
      { account: 'ann', msg: 'run ended' },
    ]);
    expect(events('bob.log')).toMatchObject([{ msg: 'run begins' }]);
    await expect.poll(() => readFileSync(all, 'utf8').trim().split('\n').length, { timeout: 20_000 }).toBe(4);
  });

  it('are JSON and without secrets, too', () => {
    const { log, text, lines } = accountLog();
    log.warn({ endpoint: { password: canary } }, 'session failed');
    expect(lines()).toMatchObject([{ account: 'ann', run: 'r1', endpoint: { password: '[secret]' } }]);
    expect(text()).not.toContain(canary);
  });
});

describe('a file of the log', () => {
  it('has no more bytes than it may, and one older one, and nothing is lost between them', async () => {
    const folder = testFolder();
    const [now, before] = [join(folder, 'all.log'), join(folder, 'all.1.log')];
    const write = async (from: number) => {
      const log = createLog({ level: 'info', destination: now, maxBytes: 2000 });
      for (let n = from; n < from + 20; n += 1) log.info({ n }, 'batch sent');
      await expect.poll(() => readFileSync(now, 'utf8'), { timeout: 20_000 }).toContain(`"n":${from + 19},`);
    };
    await write(100);
    expect(existsSync(before)).toBe(false);
    await write(120);
    const text = readFileSync(before, 'utf8') + readFileSync(now, 'utf8');
    const numbers = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, at) => 100 + at));
    expect(readFileSync(now).length).toBeLessThan(2000);
    expect(statSync(now).mode & 0o777).toBe(0o600);
  });
});
