/** The servers of the benchmark, its made mail and the line between them. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Dovecot, startDovecot } from '../../src/demo/dovecot.ts';
import { type CorpusName, fillMaildrop, type Maildrop, maildropsOf } from './corpora.ts';
import type { ConnectionCount } from './delay-proxy.ts';
import { DelayedPorts } from './delayed-ports.ts';
import type { Scenario } from './scenarios.ts';
import { SettledDisk } from './settled-disk.ts';
import { type Contents, sourceContents } from './verify-copy.ts';

/** A filled maildrop and what it holds. */
export interface Source extends Maildrop {
  readonly contents: Contents;
}

/** The two ends of a copy as the programs see them. */
export interface Route {
  readonly popPort: number;
  readonly imapPort: number;
  /** What went over the lines since the last call; undefined where there is no delay. */
  counts(): Promise<RouteCounts | undefined>;
}

/** Each connection of a run. */
export interface RouteCounts {
  pop: ConnectionCount[];
  imap: ConnectionCount[];
}

/** Servers are started when they are first asked for; `close` ends them all. */
export class BenchRig {
  /** What is on it costs every run the same. */
  readonly disk = new SettledDisk();
  readonly #directory: string;
  readonly #sourceDirectory: string;
  readonly #extent: 'full' | 'quick';
  readonly #delayProgram: string;
  readonly #servers = new Map<string, Promise<Dovecot>>();
  readonly #sources = new Map<CorpusName, Promise<Source[]>>();
  readonly #lines = new Map<string, Promise<DelayedPorts>>();

  /** `keep` is where made mail stays for another time. */
  constructor(directory: string, keep: string | undefined, extent: 'full' | 'quick', delayProgram: string) {
    this.#directory = directory;
    this.#sourceDirectory = keep ?? join(directory, 'source');
    this.#extent = extent;
    this.#delayProgram = delayProgram;
  }

  /** The maildrops of a corpus, read once: afterwards the server has indexed them and the kernel has them in memory. */
  corpus(name: CorpusName): Promise<Source[]> {
    return kept(this.#sources, name, async () => {
      const server = await this.source();
      const sources: Source[] = [];
      for (const plan of maildropsOf(name, this.#extent)) {
        const maildrop = await fillMaildrop(server, plan);
        sources.push({ ...maildrop, contents: await sourceContents(server.popPort, plan.user) });
      }
      return sources;
    });
  }

  source(): Promise<Dovecot> {
    return this.#server('source', 'maildir', this.#sourceDirectory);
  }

  destination(storage: 'maildir' | 'mdbox'): Promise<Dovecot> {
    return this.#server(storage, storage, join(this.#directory, storage));
  }

  async route({ storage, oneWayMs }: Pick<Scenario, 'storage' | 'oneWayMs'>): Promise<Route> {
    const targets = [(await this.source()).popPort, (await this.destination(storage)).imapPort];
    const [popPort = 0, imapPort = 0] = targets;
    if (oneWayMs === 0) return { popPort, imapPort, counts: async () => undefined };
    const line = await kept(this.#lines, `${storage} ${oneWayMs}`, () =>
      DelayedPorts.start(this.#delayProgram, oneWayMs, targets),
    );
    const [pop = 0, imap = 0] = line.ports;
    const counts = async () => {
      const [ofPop = [], ofImap = []] = await line.takeCounts();
      return { pop: ofPop, imap: ofImap };
    };
    return { popPort: pop, imapPort: imap, counts };
  }

  /** The mail of a destination user is no longer needed. */
  async forget(storage: 'maildir' | 'mdbox', user: string): Promise<void> {
    const { mailRoot } = await this.destination(storage);
    this.disk.leave(join(mailRoot, user));
  }

  /** Waits until the disk under a destination is as it was at first. */
  async settle(storage: 'maildir' | 'mdbox', say: (text: string) => void): Promise<void> {
    await this.disk.settle((await this.destination(storage)).mailRoot, say);
  }

  async close(): Promise<void> {
    for (const line of this.#lines.values()) await (await line).stop();
    for (const server of this.#servers.values()) await (await server).stop();
  }

  #server(name: string, storage: 'maildir' | 'mdbox', directory: string): Promise<Dovecot> {
    return kept(this.#servers, name, async () => {
      await mkdir(directory, { recursive: true });
      return startDovecot({ directory, storage, protocols: [name === 'source' ? 'pop3' : 'imap'] });
    });
  }
}

function kept<Key, Value>(map: Map<Key, Promise<Value>>, key: Key, make: () => Promise<Value>): Promise<Value> {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
