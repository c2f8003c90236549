/** The settings of one domain: every place is asked in the order of trust, and what it names is looked at. */
import { asMailhaulError, MailhaulError } from '../../ground/errors.ts';
import { askAutoconfig, askIspdb } from './autoconfig.ts';
import { type Answer, type Candidate, nothing, type Protocol } from './candidate.ts';
import { guess } from './guesses.ts';
import { askMx } from './mx.ts';
import { profileAnswer } from './profile.ts';
import type { DiscoveryWorld, Probed, Proof } from './seams.ts';
import { askSrv } from './srv.ts';

/** A server that was named, and what became of it. */
export interface Judged extends Candidate {
  /** What the server showed; undefined where it was not looked at, or failed. */
  readonly proof: Proof | undefined;
  /** Why it is not to be used; undefined for one that may be. */
  readonly fault: MailhaulError | undefined;
}

/**
 * What came out for one protocol. `found`: may be used. `unusable`: a person or a profile named it, and it does not
 * work from here. `not-offered`: the domain says so. `not-found`: nobody named a server that works.
 */
export interface Finding {
  readonly protocol: Protocol;
  readonly state: 'found' | 'unusable' | 'not-offered' | 'not-found';
  readonly chosen: Judged | undefined;
  /** Who said that it is not offered, or where the chosen one was found. */
  readonly source: string;
}

/** All that was learned of a domain. */
export interface DomainFindings {
  readonly domain: string;
  readonly findings: readonly Finding[];
  /** Servers that were named and not chosen, in the order they were found. */
  readonly others: readonly Judged[];
  readonly remarks: readonly string[];
  readonly advice: readonly string[];
}

/** What is asked of a domain. */
export interface DomainQuestion {
  readonly domain: string;
  readonly wanted: readonly Protocol[];
  /** What a person has decided already: it wins over everything. */
  readonly explicit: readonly Candidate[];
  /** Whether places are asked though those before them sufficed. */
  readonly all: boolean;
}

interface Step {
  readonly name: string;
  /** Its first server is taken though it should not work from here: a person or a profile answers for it. */
  readonly decides: boolean;
  /** Asked only where nothing was found before, even when everything is asked. */
  readonly last: boolean;
  ask(protocols: readonly Protocol[]): Promise<Answer>;
}

/** Finds the settings of one domain. Never throws for what the world answers. */
export async function discoverDomain(question: DomainQuestion, world: DiscoveryWorld): Promise<DomainFindings> {
  const { domain, wanted, all } = question;
  const findings = new Map<Protocol, Finding>();
  const others: Judged[] = [];
  const remarks: string[] = [];
  const advice: string[] = [];
  for (const step of steps(question, world)) {
    const open = wanted.filter((protocol) => !findings.has(protocol));
    const asked = all && !step.last ? wanted : open;
    if (asked.length === 0) continue;
    const answer = await step.ask(asked);
    remarks.push(...(answer.remarks ?? []));
    advice.push(...(answer.advice ?? []));
    for (const protocol of asked) {
      const judged = await judge(answer, protocol, domain, world);
      const finding = open.includes(protocol) ? decide(step, answer, protocol, judged) : undefined;
      if (finding) findings.set(protocol, finding);
      others.push(...judged.filter((each) => each !== finding?.chosen));
    }
  }
  return {
    domain,
    findings: wanted.map(
      (protocol) => findings.get(protocol) ?? { protocol, state: 'not-found', chosen: undefined, source: '' },
    ),
    others,
    remarks: [...new Set(remarks)],
    advice: [...new Set(advice)],
  };
}

function steps({ domain, explicit }: DomainQuestion, world: DiscoveryWorld): Step[] {
  const guesses = (security: 'tls' | 'starttls'): Step => ({
    name: 'guess',
    decides: false,
    last: true,
    ask: async (protocols) => ({
      candidates: protocols.flatMap((protocol) => guess(domain, protocol, security).candidates),
    }),
  });
  const place = (name: string, ask: Step['ask'], decides = false): Step => ({ name, decides, last: false, ask });
  return [
    place('explicit', async () => (explicit.length > 0 ? { candidates: explicit } : nothing), true),
    place('profile', async () => profileAnswer(world.profiles.forDomain(domain)), true),
    place('srv', async (protocols) => {
      const asked = await Promise.all(protocols.map((protocol) => askSrv(domain, protocol, world)));
      return {
        candidates: asked.flatMap(({ candidates }) => candidates),
        notOffered: asked.flatMap(({ notOffered = [] }) => notOffered),
        remarks: asked.flatMap(({ remarks = [] }) => remarks),
      };
    }),
    place('autoconfig', () => askAutoconfig(domain, world)),
    place('ispdb', () => askIspdb(domain, world)),
    place('mx', (protocols) => askMx(domain, protocols, world)),
    guesses('tls'),
    guesses('starttls'),
  ];
}

/** Looks at the servers that an answer names for a protocol, all at once. */
function judge(answer: Answer, protocol: Protocol, domain: string, world: DiscoveryWorld): Promise<Judged[]> {
  const named = answer.candidates.filter((candidate) => candidate.protocol === protocol);
  return Promise.all(
    named.map(async (candidate): Promise<Judged> => {
      const probed = await look(candidate, domain, world);
      return 'proof' in probed
        ? { ...candidate, proof: probed.proof, fault: undefined }
        : { ...candidate, proof: undefined, fault: probed.error };
    }),
  );
}

async function look(candidate: Candidate, domain: string, { probe }: DiscoveryWorld): Promise<Probed> {
  const { protocol, host, port, security, origin } = candidate;
  // Nothing is ever found that would send a password in the clear.
  if (security === 'none') return { error: new MailhaulError('discovery-plain', { host, port }) };
  try {
    const target = { protocol, host, port, security, domain: origin === 'srv' ? domain : undefined };
    return { proof: await probe.look(target) };
  } catch (thrown) {
    return { error: asMailhaulError(thrown) };
  }
}

function decide(
  { name, decides }: Step,
  answer: Answer,
  protocol: Protocol,
  judged: readonly Judged[],
): Finding | undefined {
  const working = judged.find(({ fault }) => fault === undefined);
  const chosen = working ?? (decides ? judged[0] : undefined);
  if (chosen) return { protocol, state: working ? 'found' : 'unusable', chosen, source: chosen.source };
  if (!answer.notOffered?.includes(protocol)) return undefined;
  const source = name === 'srv' ? 'SRV records' : (answer.candidates[0]?.source ?? 'the provider profile');
  return { protocol, state: 'not-offered', chosen: undefined, source };
}
