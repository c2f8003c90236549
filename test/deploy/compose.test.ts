/** docker-compose.yml and Dockerfile: by the published schema, against the program, and in parts for real. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { freePorts } from '../../src/demo/free-ports.ts';
import { connectRedis } from '../../src/ground/redis.ts';
import { checkRedisSafety } from '../../src/ground/redis-safety.ts';
import { settingsSchema } from '../../src/ground/settings.ts';
import { HaulRig, scriptedRow } from '../flow/haul-rig.ts';
import { popList } from '../servers/witness.ts';
import { commandFaults, variableFaults } from './built-program.ts';
import { askedVariables, durationMs, readCompose, type Service } from './compose-file.ts';
import { copies, reachesBuild, readDockerfile } from './dockerfile.ts';

const compose = readCompose();
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image === 'mailhaul');
const stages = readDockerfile();
const image = stages.find(({ name }) => name === 'mailhaul')!;
const instruction = (name: string) => image.instructions.filter((line) => line.name === name).map(({ rest }) => rest);
const defaults = parse(readFileSync('config/default.yaml', 'utf8')) as Record<string, unknown>;

let rig: HaulRig;
beforeEach(async () => {
  rig = await HaulRig.make();
});
afterEach(() => rig.end());

describe('docker-compose.yml', () => {
  const validator = () => {
    const { resolve: find } = createRequire(import.meta.url);
    const path = join(dirname(find('dclint/package.json')), 'schemas', 'compose.schema.json');
    const Ajv = createRequire(import.meta.url)('ajv').default;
    const { $schema: _draft7, ...schema } = JSON.parse(readFileSync(path, 'utf8')) as { $schema: string };
    return new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  };

  test('is a Compose file by the published schema', () => {
    const validate = validator();
    const file = () => parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });
    validate(file());
    expect(validate.errors ?? []).toEqual([]);
    const [misspelt, mistyped] = [file(), file()];
    misspelt.services.redis.helthcheck = {};
    mistyped.services.dashboard.cap_drop = 'ALL';
    expect([validate(misspelt), validate(mistyped)]).toEqual([false, false]);
  });

  test('has every role as a service of its own, and says only what the program understands', () => {
    expect(ours.map(([name]) => name)).toEqual(['scheduler', 'pop', 'imap', 'dashboard']);
    for (const [name, { command = [], environment = {} }] of ours) {
      expect(commandFaults(command)).toEqual([]);
      expect(command[command.indexOf('--roles') + 1]!.split(',')).toContain(name);
      expect(variableFaults(Object.keys(environment))).toEqual([]);
      // A list is given to one process; the others know the accounts from Redis.
      expect(command.includes('/etc/mailhaul/accounts.csv')).toBe(name === 'scheduler');
    }
  });

  test('names nothing that it does not define', () => {
    for (const [, { volumes = [], secrets = [], depends_on = {}, build }] of services) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (!source.startsWith('.')) expect(Object.keys(compose.volumes)).toContain(source);
      }
      for (const secret of secrets) expect(Object.keys(compose.secrets)).toContain(secret);
      for (const service of Object.keys(depends_on)) expect(Object.keys(compose.services)).toContain(service);
      if (build) expect(stages.map(({ name }) => name)).toContain(build.target);
    }
    const given = readFileSync('config/try/try.env', 'utf8').matchAll(/^(\w+)=(.*)$/gm);
    const trying = Object.fromEntries([...given].map(([, name, value]) => [name, value]));
    expect(Object.keys(trying).sort()).toEqual([...new Set(askedVariables())].sort());
    expect(existsSync(join(trying['LISTS_DIR']!, 'accounts.csv'))).toBe(true);
    expect(existsSync(join(trying['SECRETS_DIR']!, 'redis_password'))).toBe(true);
  });

  test('agrees with itself and the image about paths and ports', () => {
    for (const [, service] of ours) {
      const places = (service.volumes ?? []).map((volume) => volume.split(':')[1]);
      expect(places).toEqual([...instruction('VOLUME'), '/etc/mailhaul']);
      for (const word of service.command ?? []) if (word.startsWith('/')) expect(word).toMatch(/^\/etc\/mailhaul\//);
      for (const value of Object.values(service.environment ?? {})) {
        const secret = /^file:\/run\/secrets\/(.*)$/.exec(value)?.[1];
        if (secret !== undefined) expect(service.secrets).toContain(secret);
      }
      const asked = /http:\/\/127\.0\.0\.1:(\d+)\/(?:healthz|readyz)/.exec(service.healthcheck!.test.at(-1)!)?.[1];
      expect(listenPort(service)).toBe(asked);
      expect(service.command!.join(' ')).toContain('dashboard');
      for (const port of service.ports ?? []) expect(port).toBe(`127.0.0.1:${asked}:${asked}`);
      // Compose checks as the image does; the dashboard alone answers for all.
      const check = service.healthcheck!.test.at(-1)!;
      expect(instruction('HEALTHCHECK')[0]).toContain(check.replace('/readyz', '/healthz'));
      expect(check.includes('/readyz')).toBe(service === compose.services['dashboard']);
    }
    expect(compose.services['dashboard']!.command).toContain('0.0.0.0:8080');
    expect(instruction('EXPOSE')).toEqual(['8080']);
  });

  test('gives every container no more than it needs', () => {
    for (const [, service] of services) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(service.tmpfs).toContain('/tmp');
      if (service.image === 'mailhaul-try') expect(service.profiles).toEqual(['try']);
      else expect(service.user).toMatch(/^(node|redis)$/);
    }
    const try_ = stages.find(({ name }) => name === 'try')!;
    expect(try_.instructions.filter(({ name }) => name === 'USER')).toEqual([{ name: 'USER', rest: 'mail' }]);
  });

  test('waits for the end of a service as long as that may take', () => {
    for (const [, { stop_grace_period = '' }] of ours) {
      expect(durationMs(stop_grace_period)).toBeGreaterThan(Number(defaults['stopWithinMs']));
    }
  });

  test('starts a Redis that asks for the password, keeps all, and shows the password nowhere', async () => {
    const folder = await rig.folder();
    const [port = 0] = await freePorts(1);
    const secret = join(folder, 'password');
    writeFileSync(secret, 'a-long-password\n');
    const [shell = '', option = '', script = ''] = compose.services['redis']!.command!;
    const here = script
      .replaceAll('/run/secrets/redis_password', secret)
      .replace('dir /data', `dir ${folder}\nport ${port}`);
    const server = spawn(shell, [option, here], { stdio: 'ignore' });
    rig.atEnd(() => server.kill('SIGKILL'));
    const limits = { redisStartTimeoutMs: 10_000, redisLostAfterMs: 5000 };
    const handle = await connectRedis(`redis://mailhaul:a-long-password@127.0.0.1:${port}`, limits);
    expect(await checkRedisSafety(handle)).toEqual([]);
    await handle.close();
    await expect(connectRedis(`redis://127.0.0.1:${port}`, limits)).rejects.toThrow('NOAUTH');
    // The shell became the server: signals reach it, and nobody reads the password from the arguments.
    const line = readFileSync(`/proc/${server.pid}/cmdline`, 'latin1');
    expect(line).toContain('redis-server');
    expect(line).not.toContain('a-long-password');
    const probe = compose.services['redis']!.healthcheck!.test[1]!;
    const check = (file: string) =>
      spawnSync('sh', [
        '-c',
        probe.replace('/run/secrets/redis_password', file).replace('redis-cli', `redis-cli -p ${port}`),
      ]).status;
    expect(check(secret)).toBe(0);
    writeFileSync(join(folder, 'wrong'), 'wrong\n');
    expect(check(join(folder, 'wrong'))).not.toBe(0);
  });
});

describe('the profile to try it', () => {
  test('has servers whose mail the program moves by the list beside them', async () => {
    const folder = await rig.folder();
    const [pop = 0, imap = 0, ...idle] = await freePorts(4);
    spawnSync('chmod', ['755', rig.directory, folder]);
    const servers = {
      source: { ports: [pop, idle[0]!], messages: '20' },
      destination: { ports: [idle[1]!, imap], messages: '0' },
    };
    for (const [name, { ports, messages }] of Object.entries(servers)) {
      expect(compose.services[name]!.environment).toHaveProperty('SAMPLE_MESSAGES');
      await serve(join(folder, name), ports, messages);
    }
    const list = readFileSync('config/try/accounts.csv', 'utf8')
      .replaceAll(',source,10110,', `,127.0.0.1,${pop},`)
      .replaceAll(',destination,10143,', `,127.0.0.1,${imap},`);
    for (const name of Object.keys(servers)) expect(list).not.toContain(`,${name},`);
    expect((await popList({ port: pop, user: 'ada', password: 'pw' })).count).toBe(20);
    const ended = await rig.sync(await rig.file('try.csv', list));
    expect(ended.report.totals.messages).toMatchObject({ listed: 40, appended: 40 });
    expect(ended.status).toBe(0);
  });

  /** Runs serve.sh as the image does: as the user of its stage, on other ports. */
  async function serve(folder: string, [pop = 0, imap = 0]: readonly number[], messages: string): Promise<void> {
    const mail = join(folder, 'mail');
    mkdirSync(mail, { recursive: true });
    const root = process.getuid?.() === 0;
    const owner = root ? 'mail' : userInfo().username;
    const config = readFileSync('config/try/dovecot.conf', 'utf8')
      .replaceAll(/(?<=(?:_user|_group|uid|gid) ?= ?)mail\b/g, owner)
      .replace('port = 10110', `port = ${pop}`)
      .replace('port = 10143', `port = ${imap}`)
      .replaceAll('/tmp/dovecot', join(folder, 'run'))
      .replace('/dev/stderr', join(folder, 'log'))
      .replaceAll('/srv/mail', mail);
    writeFileSync(join(folder, 'dovecot.conf'), config);
    cpSync('config/try/serve.sh', join(folder, 'serve.sh'));
    const env = { PATH: `${process.env['PATH']}:/usr/sbin`, MAIL_DIR: mail, SAMPLE_MESSAGES: messages };
    const command = ['sh', join(folder, 'serve.sh')];
    // Whoever is not root serves as himself.
    const asMail = ['setpriv', '--reuid=mail', '--regid=mail', '--clear-groups', ...command];
    spawnSync('chown', ['-R', `${owner}:`, folder]);
    const [program = '', ...args] = root ? asMail : command;
    const server = spawn(program, args, { env, stdio: 'ignore', detached: true });
    rig.atEnd(async () => {
      const gone = once(server, 'exit');
      process.kill(-server.pid!, 'SIGKILL');
      await gone;
    });
    await expect.poll(() => existsSync(join(folder, 'run', 'master.pid')), { timeout: 20_000 }).toBe(true);
  }
});

describe('the Dockerfile', () => {
  test('copies what is there and may enter the build, and no secrets can', () => {
    for (const stage of stages) {
      for (const { sources } of copies(stage)) {
        for (const source of sources) {
          expect(existsSync(source), source).toBe(true);
          expect(reachesBuild(source), source).toBe(true);
        }
      }
    }
    for (const path of [
      'lists/accounts.csv',
      'secrets/redis_password',
      '.git/config',
      'node_modules/a',
      'config/try/redis_password',
    ])
      expect(reachesBuild(path)).toBe(false);
    const build = stages.find(({ name }) => name === 'build')!;
    const scripts = JSON.parse(readFileSync('package.json', 'utf8')).scripts as Record<string, string>;
    for (const { rest } of build.instructions.filter(({ name }) => name === 'RUN')) {
      const script = /npm run (\S+)/.exec(rest)?.[1];
      if (script !== undefined) expect(Object.keys(scripts)).toContain(script);
    }
  });

  test('does not run as root, and begins with a command line that the program understands', () => {
    expect(instruction('USER')).toEqual(['node']);
    const [entry] = instruction('ENTRYPOINT').map((text) => JSON.parse(text) as string[]);
    expect(entry).toEqual(['node', 'dist/src/cli.js']);
    expect(JSON.parse(readFileSync('package.json', 'utf8')).bin.mailhaul).toBe(entry![1]);
    expect(commandFaults(JSON.parse(instruction('CMD')[0]!) as string[])).toEqual([]);
    const variables = instruction('ENV').flatMap((text) => text.split(' ').map((pair) => pair.split('=')[0]!));
    expect(variableFaults(variables)).toEqual([]);
    expect(instruction('ENV')[0]).toContain(`MAILHAUL_DATA_DIR=${instruction('VOLUME')[0]}`);
  });

  test('builds the program from what it copies, and makes an image in which it runs without packages', async () => {
    const [context, root] = [join(await rig.folder(), 'mailhaul'), join(await rig.folder(), 'mailhaul')];
    for (const { sources, to } of copies(stages.find(({ name }) => name === 'build')!)) lay(sources, '.', context, to);
    // What `npm ci` does; it needs no test.
    symlinkSync(resolve('node_modules'), join(context, 'node_modules'));
    const script = JSON.parse(readFileSync('package.json', 'utf8')).scripts.build as string;
    const built = await run([join(context, script.replace(/^node /, ''))]);
    expect(built.status, built.stderr + built.stdout).toBe(0);
    for (const { rest } of image.instructions.filter(({ name }) => name === 'COPY')) {
      const words = rest.split(' ');
      const made = words[0] === '--from=build';
      const sources = words.slice(made ? 1 : 0, -1).map((word) => word.replace(/^\/mailhaul\//, ''));
      lay(sources, made ? context : '.', root, words.at(-1)!);
    }
    expect(readdirSync(root).sort()).toEqual(['LICENSE', 'config', 'dist', 'package.json']);
    // Every part of the program loads, and every command says what it can.
    const modules = readdirSync(join(root, 'dist/src/parts')).filter((name) => name.endsWith('.js'));
    expect(modules.length).toBeGreaterThan(10);
    const cli = join(root, 'dist/src/cli.js');
    const all = await run(['--import', resolve('scripts/keep-compiled.mjs'), cli, '--help']);
    expect([all.status, all.stderr]).toEqual([0, '']);
    expect(all.stdout).toContain('mailhaul');
    await expectServes(cli);
  }, 300_000);

  /** Runs Node.js to its end, beside the servers of this process. */
  function run(args: readonly string[], env = {}): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const options = { env: { PATH: process.env['PATH'], ...env }, timeout: 150_000 };
    return new Promise((done) => {
      const child = execFile(process.execPath, args, options, (_error, stdout, stderr) =>
        done({ status: child.exitCode, stdout, stderr }),
      );
    });
  }

  /** A service with all its roles moves mail, is healthy as the image checks it, answers a client, and ends. */
  async function expectServes(cli: string): Promise<void> {
    const messages = [{ uidl: 'a', bytes: Buffer.from('Subject: a\r\n\r\na\r\n') }];
    const [pop, imap, redis] = [await rig.pop({ messages }), await rig.imap(), await rig.redis()];
    const list = await rig.list([scriptedRow(pop, imap)]);
    const [port = 0] = await freePorts(1);
    const env = {
      MAILHAUL_DATA_DIR: join(await rig.folder(), 'data'),
      MAILHAUL_REDIS: redis.url,
      MAILHAUL_DASHBOARD_PORT: String(port),
    };
    const words = JSON.parse(instruction('CMD')[0]!) as string[];
    // A port in --listen wins over that of the variable, which is for the clients here.
    const rest = words.slice(1).map((word) => word.replace(':8080', `:${port}`));
    const service = spawn(process.execPath, [cli, words[0]!, list, ...rest], { env, stdio: 'pipe' });
    let text = '';
    service.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const end = once(service, 'exit');
    rig.atEnd(() => service.kill('SIGKILL'));
    await expect.poll(() => text, { timeout: 60_000 }).toContain('"msg":"ready"');
    const check = JSON.parse(/CMD (\[.*\])$/.exec(instruction('HEALTHCHECK')[0]!)![1]!) as string[];
    expect(check[0]).toBe('node');
    // The image's check asks the port that the image listens on.
    const isHealthy = async () => (await run([check[1]!, check[2]!.replace(':8080/', `:${port}/`)])).status;
    // As Docker does: one refusal on a busy machine is none for good.
    await expect.poll(isHealthy, { timeout: 30_000, message: text }).toBe(0);
    expect((await run([check[1]!, check[2]!.replace(':8080/', ':1/')])).status).toBe(1);
    const waited = await run([cli, 'run', '--all', '--wait', '--json'], env);
    expect(JSON.parse(waited.stdout || waited.stderr).totals.messages).toMatchObject({ listed: 1, pending: 0 });
    expect(imap.stored()).toHaveLength(1);
    const verified = await run([cli, 'verify', list, '--json', '--quiet'], env);
    expect([verified.status, verified.stderr]).toEqual([0, '']);
    await expectPages(`http://127.0.0.1:${port}`, readFileSync(join(env.MAILHAUL_DATA_DIR, 'token'), 'utf8').trim());
    service.kill('SIGTERM');
    expect((await end)[0]).toBe(0);
  }

  /** The dashboard and the queues come whole to a browser that logs in. */
  async function expectPages(url: string, token: string): Promise<void> {
    const login = await fetch(`${url}/login`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      redirect: 'manual',
    });
    expect(login.status).toBe(303);
    const headers = { accept: 'text/html', cookie: login.headers.getSetCookie()[0]!.split(';')[0]! };
    for (const page of [`${url}/`, `${url}/queues/`]) {
      const answer = await fetch(page, { headers });
      expect(answer.status, page).toBe(200);
      const files = [...(await answer.text()).matchAll(/(?:src|href)="((?:assets|static)\/[^"]+)"/g)].map(
        ([, file]) => file!,
      );
      expect(files.length).toBeGreaterThan(1);
      for (const file of files) expect((await fetch(new URL(file, page), { headers })).status, file).toBe(200);
    }
    expect(await (await fetch(`${url}/queues/api/queues`, { headers })).json()).toMatchObject({
      queues: { length: 3 },
    });
  }

  /** What COPY does: files and the contents of folders. */
  function lay(sources: readonly string[], from: string, root: string, to: string): void {
    for (const source of sources) {
      const target = to.endsWith('/') ? join(root, to, basename(source)) : join(root, to);
      mkdirSync(dirname(target), { recursive: true });
      cpSync(join(from, source), target, { recursive: true });
    }
  }
});

function listenPort({ command = [] }: Service): string | undefined {
  const at = command.indexOf('--listen');
  const given = at < 0 ? String(defaults['listen'] ?? '127.0.0.1:8080') : command[at + 1]!;
  expect(Object.keys(settingsSchema.shape).includes('listen') || !('listen' in defaults)).toBe(true);
  return given.split(':').at(-1);
}
