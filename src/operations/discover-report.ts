/** What discovery found, as it is told: the document of `discover --json`. */

import type { Row } from '../accounts/cells.ts';
import type { DomainFindings, Finding, Judged } from '../accounts/discovery/domain.ts';
import type { MailhaulError } from '../ground/errors.ts';
import type {
  DiscoverProblem,
  DiscoverReport,
  DomainReport,
  LineReport,
  ServerReport,
} from './answers/discover-report.ts';
import { type Defaults, type Fill, fillOf, type OpenSide, prefixOf, userRemark } from './discover-list.ts';

/** 0 when all that was asked for was found, and all lines can be or were filled; 3 otherwise. */
export function discoverStatus({ domains, list }: DiscoverReport): 0 | 3 {
  const sides = domains.flatMap(({ pop3, imap }) => [pop3, imap]).filter((side) => side !== undefined);
  const lines = list?.lines ?? [];
  const fine =
    sides.every(({ state }) => state === 'found') &&
    lines.every(({ state }) => state === 'written' || state === 'ready');
  return fine ? 0 : 3;
}

/** The report of one domain. */
export function domainReport(findings: DomainFindings, addresses: readonly string[]): DomainReport {
  const { domain, remarks, advice } = findings;
  const sides = findings.findings.map(({ protocol, state, source, chosen }) => {
    const server = chosen ? serverReport(chosen) : null;
    return [protocol, { state, source, server }] as const;
  });
  const chosen = new Map(findings.findings.map((finding) => [finding.protocol, finding]));
  const others = findings.others.map((other) => ({
    ...serverReport(other),
    lost: lossOf(other, chosen.get(other.protocol)),
  }));
  return { domain, addresses, ...Object.fromEntries(sides), others, remarks, advice };
}

function serverReport(judged: Judged): ServerReport {
  const { protocol, host, port, security, user, logins, origin, source, proof, fault } = judged;
  const mechanisms = proof?.mechanisms ?? [];
  return {
    protocol,
    host,
    port,
    security,
    user: user ?? null,
    logins,
    mechanisms,
    origin,
    source,
    confirm: needsConfirmation(judged),
    remarks: remarksOf(judged),
    problem: fault ? problemOf(fault) : null,
  };
}

const problemOf = ({ code, message, remedy }: MailhaulError): DiscoverProblem => ({ code, text: message, remedy });

function isNamedOtherwise({ host, proof }: Judged): boolean {
  return proof !== undefined && proof.certificateName !== host;
}

function needsConfirmation(judged: Judged): boolean {
  return judged.dnsOnly || isNamedOtherwise(judged);
}

function remarksOf(judged: Judged): string[] {
  const { dnsOnly, host, proof } = judged;
  const tokens = ['XOAUTH2', 'OAUTHBEARER'];
  const mechanisms = proof?.mechanisms ?? [];
  return [
    ...(dnsOnly
      ? [`look at this: only DNS, which can be forged, says that ${host} of another domain is the right server`]
      : []),
    ...(isNamedOtherwise(judged)
      ? [
          `look at this: its certificate is for ${proof!.certificateName} and not for ${host}, so a run refuses it unless the setting connections has it as serverName of the host`,
        ]
      : []),
    ...(mechanisms.length > 0 && mechanisms.every((name) => tokens.includes(name))
      ? ['it takes OAuth2 tokens only, no passwords']
      : []),
  ];
}

function lossOf({ fault, host, port }: Judged, finding: Finding | undefined): string {
  if (fault) return fault.message;
  const winner = finding?.chosen;
  if (!winner) return 'the protocol is said not to be offered';
  if (winner.host === host && winner.port === port) return `the same server, found first by ${winner.source}`;
  return `${winner.source} comes first`;
}

/** What becomes of one side of a line. */
export function lineReport(
  { line, protocol, address }: OpenSide,
  row: Row,
  finding: Finding | undefined,
  { trustDns, defaults }: { readonly trustDns: boolean; readonly defaults: Defaults },
): { report: LineReport; fill: Fill | undefined } {
  const side = prefixOf(protocol);
  const blank = { line, side, address: address?.text ?? null, values: {} } as const;
  const unknown = (text: string) => ({ report: { ...blank, state: 'unknown', text } as const, fill: undefined });
  if (!address) return unknown(`no address is in ${side === 'pop' ? 'pop_user or id' : 'imap_user'}`);
  const { chosen, state } = finding ?? {};
  if (!chosen || state !== 'found') return unknown(unknownText(finding));
  const fill = fillOf(row, chosen, address, defaults);
  if (typeof fill === 'string') return unknown(fill);
  const remark = userRemark(row, chosen, address, defaults);
  const text = [`found by ${chosen.source}`, ...(remark === undefined ? [] : [remark])].join('; ');
  // A certificate for another name would stop every run: no confirmation makes it right.
  const held = isNamedOtherwise(chosen) || (chosen.dnsOnly && !trustDns);
  if (held) {
    const why = isNamedOtherwise(chosen)
      ? `the certificate of ${chosen.host} is for ${chosen.proof!.certificateName}: see serverName in docs/transport.md`
      : `only DNS vouches for ${chosen.host}: look at it, then write it with --trust-dns`;
    return { report: { ...blank, state: 'confirm', values: fill.values, text: why }, fill: undefined };
  }
  return { report: { ...blank, state: 'ready', values: fill.values, text }, fill };
}

function unknownText(finding: Finding | undefined): string {
  if (finding?.state === 'not-offered') return `not offered, says ${finding.source}`;
  if (finding?.state === 'unusable') return finding.chosen?.fault?.message ?? 'it cannot be used';
  return 'nothing was found';
}
