/** The verification of a report in words: what is proved, by what, and what no verification can prove. Pure. */
import { moment, number } from './text.ts';
import type { ProofState, Verification } from './verification.ts';

/** What is written on top of a report. */
export interface VerificationWords {
  readonly headline: string;
  /** What was found, sentence by sentence. */
  readonly found: readonly string[];
  readonly proves: readonly string[];
  readonly provesNot: readonly string[];
}

/** How far an account is proved, in a word or two. */
export const proofWords: Readonly<Record<ProofState, string>> = {
  proved: 'proved',
  stale: 'more since',
  faulty: 'not proved',
  none: 'no',
};

/** Says it. */
export function verificationWords(verification: Verification): VerificationWords {
  const { verdict } = verification;
  if (verdict === 'none') {
    const found = ['Run mailhaul verify: it holds both servers and the ledger against each other, message by message.'];
    return { headline: 'Not verified: there is no record of a verification.', found, proves: [], provesNot: [] };
  }
  return {
    headline: headlineOf(verification),
    found: [...standing(verification), ...verdictLine(verification)],
    proves: depthLines(verification),
    provesNot: [
      'Mail that the source never showed, and mail that came there after the verification.',
      'Messages that were refused and accepted: they are not at the destination, and are listed below.',
      ...(verification.depths.headers + verification.depths.sample > 0
        ? ['Damage that neither headers nor sizes show, where the content was not compared.']
        : []),
    ],
  };
}

function headlineOf({ verdict, accounts, counts }: Verification): string {
  const all = number(accounts);
  if (verdict === 'proved') {
    return `Proved: all ${all} account(s). Everything that was listed is at the destination or was signed off.`;
  }
  const some = `${number(counts.proved)} of ${all} account(s) proved`;
  if (verdict === 'faulty') return `Not proved: failures were found in ${number(counts.faulty)} account(s); ${some}.`;
  return `Proved in part: ${some}.`;
}

function standing({ counts, from, to }: Verification): string[] {
  const { stale, none, faulty } = counts;
  return [
    `Verified between ${moment(from)} and ${moment(to)}.`,
    ...(faulty > 0
      ? [`${number(faulty)} account(s) have messages that are missing, altered, doubled, refused or not delivered.`]
      : []),
    ...(stale > 0 ? [`${number(stale)} account(s) had more listed or delivered since: verify them again.`] : []),
    ...(none > 0 ? [`${number(none)} account(s) were not verified.`] : []),
  ];
}

function verdictLine({ verdicts }: Verification): string[] {
  const parts = Object.entries(verdicts).filter(([, count]) => count > 0);
  if (parts.length === 0) return [];
  return [`Messages by verdict: ${parts.map(([name, count]) => `${name} ${number(count)}`).join(', ')}.`];
}

function depthLines({ depths }: Verification): string[] {
  const { headers, content, sample, unknown } = depths;
  const looked = (count: number) => `${number(count)} account(s)`;
  return [
    ...(content > 0
      ? [`${looked(content)}: the content of every message is that of the source, header and size too.`]
      : []),
    ...(sample > 0
      ? [
          `${looked(sample)}: every message is there by header and size, and the content of a random sample is the same.`,
        ]
      : []),
    ...(headers > 0
      ? [`${looked(headers)}: every message is there by header and size; content where these left a doubt.`]
      : []),
    ...(unknown > 0
      ? [`${looked(unknown)}: every message is there; the record does not say how deep it was looked at.`]
      : []),
  ];
}
