/**
 * Hosts of their own, made of network namespaces: each is joined to this machine by a pair of virtual interfaces, and
 * can be cut off as by a pulled cable. Needs root and iproute2; nothing of it reaches beyond this machine.
 */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ip = async (...args: string[]): Promise<string> => (await run('ip', args)).stdout;

/** Why this machine cannot make hosts; undefined when it can. */
export function whyNoHosts(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'only root can make network namespaces';
  const name = `mh-try-${process.pid}`;
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' });
    execFileSync('ip', ['-n', name, 'link', 'add', 'try0', 'type', 'veth', 'peer', 'name', 'try1'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `this machine makes no network namespaces with veth: ${(error as Error).message.trim().split('\n').at(-1)}`;
  } finally {
    try {
      execFileSync('ip', ['netns', 'del', name], { stdio: 'pipe' });
    } catch {
      // It was never made.
    }
  }
}

/** One of them. */
export interface Host {
  /** What a command is started by to run on it. */
  readonly within: readonly string[];
  /** Pulls the cable: what is under way is lost without a word, on both sides. */
  cut(): Promise<void>;
  /** Puts it in again. */
  mend(): Promise<void>;
  /** What it sends to an address is lost without a word, or arrives again. */
  lose(address: string): Promise<void>;
  find(address: string): Promise<void>;
  /** Bytes that it has not got rid of to an address, by connection. */
  unsent(address: string): Promise<number[]>;
}

/** This machine with two addresses, and hosts around it that can reach these and nothing else. */
export class HostNetwork {
  /** Addresses of this machine: two, so that one can be lost and the other not. */
  readonly addresses: readonly [string, string];
  readonly hosts: readonly Host[];
  readonly #names: readonly string[];
  readonly #range: string;

  private constructor(range: string, names: readonly string[], hosts: readonly Host[]) {
    this.#range = range;
    this.addresses = [`${range}.1`, `${range}.2`];
    this.#names = names;
    this.hosts = hosts;
  }

  /** Makes so many hosts. `end` takes all of it away again. */
  static async make(count: number): Promise<HostNetwork> {
    const range = await freeRange();
    const names = Array.from({ length: count }, (_, at) => `mh${process.pid}-${at}`);
    const hosts: Host[] = [];
    const network = new HostNetwork(range, names, hosts);
    try {
      // What is meant for a host that is cut off must not take the way to the world.
      await ip('route', 'add', 'blackhole', `${range}.0/24`);
      for (const [at, name] of names.entries())
        hosts.push(await makeHost(network.addresses, name, `${range}.${at + 11}`));
      return network;
    } catch (error) {
      await network.end();
      throw error;
    }
  }

  /** Takes everything away; a pair of interfaces goes with its namespace. */
  async end(): Promise<void> {
    for (const name of this.#names) await ip('netns', 'del', name).catch(() => {});
    await ip('route', 'del', 'blackhole', `${this.#range}.0/24`).catch(() => {});
  }
}

async function freeRange(): Promise<string> {
  for (;;) {
    const range = `10.213.${Math.floor(Math.random() * 256)}`;
    if ((await ip('route', 'show', `${range}.0/24`)) === '') return range;
  }
}

async function makeHost(near: readonly [string, string], name: string, far: string): Promise<Host> {
  const inside = (...args: string[]) => ip('-n', name, ...args);
  await ip('netns', 'add', name);
  await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  for (const address of near) await ip('address', 'add', address, 'peer', far, 'dev', name);
  await ip('link', 'set', name, 'up');
  await inside('link', 'set', 'lo', 'up');
  await inside('link', 'set', 'eth0', 'up');
  for (const address of near) await inside('address', 'add', far, 'peer', address, 'dev', 'eth0').catch(() => '');
  for (const address of near) await inside('route', 'replace', address, 'dev', 'eth0', 'src', far);
  return {
    within: ['ip', 'netns', 'exec', name],
    cut: async () => void (await ip('link', 'set', name, 'down')),
    mend: async () => void (await ip('link', 'set', name, 'up')),
    lose: async (address) => void (await inside('route', 'replace', 'blackhole', address)),
    find: async (address) => void (await inside('route', 'replace', address, 'dev', 'eth0', 'src', far)),
    unsent: async (address) => {
      const { stdout } = await run('ip', ['netns', 'exec', name, 'ss', '-tanH', 'dst', address]);
      return stdout.split('\n').flatMap((line) => (line === '' ? [] : Number(line.trim().split(/\s+/)[2])));
    },
  };
}
