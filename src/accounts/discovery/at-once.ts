/** How much discovery does at once, and that it does nothing twice. */
import type { DiscoveryWorld, ProbeTarget, Proof } from './seams.ts';

/** Lets `most` pieces of work run at a time; the others wait in their order. */
export class AtOnce {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#running >= this.#most) await new Promise<void>((resume) => this.#waiting.push(resume));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Who waits takes the place over.
      if (next) next();
      else this.#running--;
    }
  }
}

/**
 * The same world, with at most so many questions to DNS, web and servers at a time. A server that many domains name is
 * looked at once.
 */
export function boundedWorld(world: DiscoveryWorld, atOnce: number): DiscoveryWorld {
  const gate = new AtOnce(atOnce);
  const looks = new Map<string, Promise<Proof>>();
  const look = (target: ProbeTarget) => {
    const key = JSON.stringify([target.protocol, target.host, target.port, target.security, target.domain]);
    const known = looks.get(key) ?? gate.run(() => world.probe.look(target));
    looks.set(key, known);
    return known;
  };
  return {
    ...world,
    dns: {
      resolveSrv: (name) => gate.run(() => world.dns.resolveSrv(name)),
      resolveMx: (domain) => gate.run(() => world.dns.resolveMx(domain)),
      addresses: (host) => world.dns.addresses(host),
    },
    http: { get: (url) => gate.run(() => world.http.get(url)) },
    probe: { look },
  };
}
