/** Reading autoconfig files: clientConfig in XML, version 1.1 (Mozilla). They come from strangers. */
import { XMLParser } from 'fast-xml-parser';
import { printable } from '../../ground/errors.ts';
import { hostName } from '../host-name.ts';
import type { Answer, Candidate, Protocol, Security } from './candidate.ts';

/** Where the file was, and for whom. */
export interface AutoconfigFrom {
  readonly domain: string;
  /** The address that was sent with the question; undefined where none was. */
  readonly asked: string | undefined;
  readonly source: string;
  readonly origin: 'autoconfig' | 'ispdb';
  /** Most servers of a protocol that are read. */
  readonly candidates: number;
}

/** Deeper than any configuration is. */
const maxDepth = 16;
const maxAdvice = 5;

/** The servers that a file names, in its order. Undefined where the text is no such file. Never throws. */
export function readAutoconfig(text: string, from: AutoconfigFrom): Answer | undefined {
  // Definitions of entities are what bombs are made of; no real file has any.
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return undefined;
  let root: unknown;
  try {
    root = parser().parse(text);
  } catch {
    return undefined;
  }
  const config = child(root, 'clientConfig');
  if (config === undefined) return undefined;
  const providers = children(config, 'emailProvider');
  const servers = providers.flatMap((provider) => children(provider, 'incomingServer'));
  const read = servers.flatMap((server) => serverOf(server, from));
  const candidates = (['pop3', 'imap'] as const).flatMap((protocol) =>
    read.filter((candidate) => candidate.protocol === protocol).slice(0, from.candidates),
  );
  const mail = servers.filter((server) => protocolOf(server) !== undefined).length;
  const remarks =
    read.length < mail
      ? [`${from.source}: ${mail - read.length} server(s) in it make no sense and were passed over`]
      : [];
  return { candidates, remarks, advice: providers.flatMap(adviceOf).slice(0, maxAdvice) };
}

function parser(): XMLParser {
  return new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    parseAttributeValue: false,
    processEntities: false,
    maxNestedTags: maxDepth,
  });
}

function child(node: unknown, name: string): unknown {
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return undefined;
  return (node as Record<string, unknown>)[name];
}

function children(node: unknown, name: string): unknown[] {
  const found = child(node, name);
  if (found === undefined) return [];
  return Array.isArray(found) ? found : [found];
}

/** The text of an element, the first where there are several; empty if there is none. */
function textOf(node: unknown, name: string): string {
  const [first] = children(node, name);
  const text = typeof first === 'object' ? child(first, '#text') : first;
  return typeof text === 'string' ? decoded(text).trim() : '';
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** The five entities that XML has by itself (XML 1.0 §4.6), each once. */
function decoded(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name]!);
}

function protocolOf(server: unknown): Protocol | undefined {
  const type = child(server, '@type');
  return type === 'pop3' || type === 'imap' ? type : undefined;
}

const securities: Readonly<Record<string, Security>> = { SSL: 'tls', STARTTLS: 'starttls', plain: 'none' };

function serverOf(server: unknown, from: AutoconfigFrom): Candidate[] {
  const protocol = protocolOf(server);
  const host = hostName(textOf(server, 'hostname').replaceAll('%EMAILDOMAIN%', from.domain).toLowerCase());
  const security = Object.hasOwn(securities, textOf(server, 'socketType'))
    ? securities[textOf(server, 'socketType')]
    : undefined;
  const portText = textOf(server, 'port');
  const port = /^[0-9]{1,5}$/.test(portText) ? Number(portText) : 0;
  if (!protocol || host === undefined || !security || port < 1 || port > 65535) return [];
  const { source, origin } = from;
  const logins = [...new Set(children(server, 'authentication').map(loginOf))].filter((login) => login !== '');
  const user = userForm(textOf(server, 'username'), from);
  return [{ protocol, host, port, security, logins, user, origin, source, dnsOnly: false }];
}

const logins: Readonly<Record<string, string>> = {
  'password-cleartext': 'password',
  plain: 'password',
  'password-encrypted': 'encrypted password',
  secure: 'encrypted password',
  OAuth2: 'oauth2',
  GSSAPI: 'Kerberos',
  NTLM: 'NTLM',
  'TLS-client-cert': 'client certificate',
};

function loginOf(node: unknown): string {
  const text = typeof node === 'object' ? child(node, '#text') : node;
  const name = typeof text === 'string' ? text.trim() : '';
  return Object.hasOwn(logins, name) ? logins[name]! : '';
}

/** `%EMAILLOCALPART%` as `{local}`; undefined for a text that is no form and not the address that was asked for. */
function userForm(text: string, { asked }: AutoconfigFrom): string | undefined {
  if (asked !== undefined && text.toLowerCase() === asked) return '{address}';
  if (asked !== undefined && text.toLowerCase() === asked.split('@')[0]) return '{local}';
  const form = text
    .replaceAll('%EMAILADDRESS%', '{address}')
    .replaceAll('%EMAILLOCALPART%', '{local}')
    .replaceAll('%EMAILDOMAIN%', '{domain}');
  // It may be written into a list, which spreadsheets open: what they would take for a formula is no user name.
  const plain = /^(?![-+=@])(?:\{(?:address|local|domain)\}|[A-Za-z0-9._@+-])+$/.test(form);
  return plain && /\{(?:address|local)\}/.test(form) && form.length <= 100 ? form : undefined;
}

/** What must be switched on first, and where that is explained. */
function adviceOf(provider: unknown): string[] {
  return children(provider, 'enable').flatMap((enable) => {
    const url = child(enable, '@visiturl');
    const page = typeof url === 'string' && /^https:\/\//i.test(url) ? printable(decoded(url), 200) : '';
    const text = printable(textOf(enable, 'instruction'), 300);
    return text === '' && page === '' ? [] : [[text || 'Must be switched on first', page].filter(Boolean).join(': ')];
  });
}
