/**
 * A place where the commands of a page really run: each host is a folder, in which the paths of the page lie; Dovecots
 * stand for the two servers. What belongs to the system (packages, users, systemd, containers) is in `emulated` alone.
 */
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { HaulRig } from '../flow/haul-rig.ts';
import { commandFaults } from './built-program.ts';
import { Host } from './host.ts';
import { type Block, commandsOf } from './pages.ts';

/** Where the servers of a page's examples are. */
export interface Ports {
  readonly pop: number;
  readonly imap: number;
  readonly redis: number;
}

/** Programs that run as they are; everything else is unknown, and fails. */
const real = ['bash', 'cat', 'chmod', 'cp', 'grep', 'mkdir', 'openssl', 'rm', 'tar', 'tee'];

export class Sandbox {
  readonly #rig: HaulRig;
  readonly ports: Ports;
  readonly #root: string;
  readonly #hosts = new Map<string, Host>();
  /** The commands that were run, in their order. */
  readonly ran: string[] = [];
  /** What happens beside the commands: called before each of them. */
  onCommand: (command: string) => Promise<void> = async () => {};

  private constructor(rig: HaulRig, root: string, ports: Ports) {
    this.#rig = rig;
    this.#root = root;
    this.ports = ports;
  }

  static async make(rig: HaulRig, ports: Ports): Promise<Sandbox> {
    const root = await rig.folder();
    const bin = join(root, 'bin');
    await mkdir(bin);
    for (const name of real) await symlink(programPath(name), join(bin, name));
    const shims: Record<string, string> = {
      sudo: 'if [ "$1" = -u ]; then shift 2; fi; exec "$@"',
      // The users of the page do not exist here.
      chown: 'for path; do :; done; [ -e "$path" ]',
      install: `words=(); while [ $# -gt 0 ]; do case "$1" in -o|-g) shift 2;; *) words+=("$1"); shift;; esac; done; exec ${programPath('install')} "\${words[@]}"`,
      'redis-cli': `exec ${programPath('redis-cli')} -p ${ports.redis} "$@"`,
      // The other host's folder is beside this one's.
      ssh: `to="\${1%.internal}"; shift; words="$*"; eval "\${words//"$HOST_ROOT"/${root}/$to}"`,
      node: `exec ${process.execPath} "$@"`,
    };
    for (const [name, text] of Object.entries(shims)) {
      await writeFile(join(bin, name), `#!/bin/bash\n${text}\n`);
      await chmod(join(bin, name), 0o755);
    }
    return new Sandbox(rig, root, ports);
  }

  /** The host of that name, made when it is first spoken of. */
  async host(name: string): Promise<Host> {
    const found = this.#hosts.get(name);
    if (found) return found;
    const host = await Host.make(this.#rig, join(this.#root, name), this.ports);
    this.#hosts.set(name, host);
    return host;
  }

  /** Runs a block, or writes the file that it shows, on each of its hosts. */
  async follow(block: Block, page: string): Promise<void> {
    for (const name of block.hosts) {
      const host = await this.host(name);
      if (block.language !== 'sh') {
        if (block.path !== '') await this.#write(host, block);
        continue;
      }
      for (const { command, line } of commandsOf(block)) {
        await this.onCommand(command);
        await this.#run(host, command).catch((error: Error) => {
          throw new Error(`${page} line ${line}, on ${name}: ${command}\n${error.message}`);
        });
      }
    }
  }

  async #write(host: Host, { path, text }: Block): Promise<void> {
    const place = path.startsWith('/') ? host.mapped(path) : join(host.cwd, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, host.mapped(this.#located(text)), { mode: 0o600 });
  }

  /** The example's servers, where the test has them. The two have different names, as on the page. */
  #located(text: string): string {
    const { pop, imap, redis } = this.ports;
    return (
      text
        .replace(
          /^( *)pop_host: pop\.old\.example$/m,
          `$1pop_host: 127.0.0.1\n$1pop_port: ${pop}\n$1pop_security: none`,
        )
        .replace(
          /^( *)imap_host: imap\.new\.example$/m,
          `$1imap_host: localhost\n$1imap_port: ${imap}\n$1imap_security: none`,
        )
        // Where it is afternoon now, so that no night of the page begins in the middle of the test.
        .replace('zone: Europe/Berlin', `zone: ${afternoonZone(new Date())}`)
        .replaceAll('pop.old.example', '127.0.0.1')
        .replaceAll('imap.new.example', 'localhost')
        .replaceAll(/(127\.0\.0\.1|redis\.internal):6379/g, `127.0.0.1:${redis}`)
    );
  }

  async #run(host: Host, command: string): Promise<void> {
    const [bare = '', wanted = '0'] = command.split(/\s+# status (\d+).*$/);
    const words = bare.replace(/^sudo (-u \w+ )?/, '').split(/\s+/);
    if (words[0] === 'mailhaul') {
      const faults = commandFaults(words.slice(1));
      if (faults.length > 0) throw new Error(faults.join('\n'));
    }
    const emulation = host.emulated[words[0]!];
    if (emulation) await emulation(words.slice(1));
    else this.#shell(host, bare, Number(wanted));
    this.ran.push(command);
  }

  /** A comment `# status N` says how a command ends. Functions and the working directory last from one command to the next, as in the shell of a person. */
  #shell(host: Host, command: string, wanted: number): void {
    const state = join(host.root, '.shell');
    const script = `[ ! -e "${state}" ] || . "${state}"\ncd "${host.cwd}"\n${host.mapped(command)}\nstatus=$?\ndeclare -f > "${state}"; pwd > "${state}.cwd"; exit $status`;
    const { status, stdout, stderr } = spawnSync('/bin/bash', ['-o', 'pipefail', '-c', script], {
      encoding: 'utf8',
      env: { PATH: join(this.#root, 'bin'), HOME: host.root, HOST_ROOT: host.root, ...host.environment },
    });
    if (status !== wanted) throw new Error(`status ${status}\n${stdout}${stderr}`);
    host.readCwd();
  }

  /** Ends what was started, in order. */
  async end(): Promise<void> {
    for (const host of this.#hosts.values()) await host.end();
  }
}

function programPath(name: string): string {
  const { stdout } = spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  if (stdout.trim() === '') throw new Error(`${name} is not on the PATH`);
  return stdout.trim();
}

/** A zone whose clock shows two in the afternoon or so; the sign is that of POSIX, west of Greenwich is positive. */
function afternoonZone(now: Date): string {
  const ahead = ((14 - now.getUTCHours() + 36) % 24) - 12;
  return ahead === 0 ? 'UTC' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
}
