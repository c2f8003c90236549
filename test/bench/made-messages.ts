/** Made messages that look like what lies in a maildrop: with LF at the ends of lines, as a Maildir keeps them. */
import type { Random } from './random.ts';

/** A message and the date at which it was delivered. */
export interface MadeMessage {
  readonly bytes: Buffer;
  readonly delivered: Date;
}

/** What a message is made from. */
export interface MessagePlan {
  readonly user: string;
  /** Its place in the maildrop; with the user it makes the message unique. */
  readonly number: number;
  /** About how many bytes it has. */
  readonly size: number;
  readonly delivered: Date;
}

const vocabulary = (
  'the of and to in for on with at from by about as into like after over new year people time work week plan list order ' +
  'please find attached invoice meeting minutes agenda customer delivery server backup report quarter budget review ' +
  'project deadline office travel hotel ticket train summer winter holiday regards thanks hello dear team question answer ' +
  'draft contract version signed street number phone mobile address change password account update release garden music ' +
  'family children school photo weekend dinner recipe kitchen letter library concert museum station bicycle mountain river'
).split(' ');
const accented = ['café', 'Zürich', 'señor', 'naïve', 'Ærø', 'Łódź', 'crème', 'übermorgen'];
const servers = ['mx-a.example.com', 'mx-b.example.com', 'relay.example.net', 'out3.example.org', 'gate.corp.example'];
const zones = ['+0000', '+0100', '+0200', '-0500', '-0800', '+0530', '+0900'];
const textLimit = 6_000;
const alternativeLimit = 30_000;
const attachmentText = 1_200;

/** Makes one message. Most of its bytes are text up to 6 KB, text twice (plain and HTML) up to 30 KB, base64 above. */
export function makeMessage(random: Random, plan: MessagePlan): MadeMessage {
  const head = headerOf(random, plan);
  const left = Math.max(200, plan.size - head.length);
  const boundary = `=_part_${random.bytes(8).toString('hex')}`;
  let body: string;
  if (left < textLimit) body = textPart(random, 'plain', left);
  else if (left < alternativeLimit) body = alternatives(random, left, boundary);
  else body = attachment(random, left, boundary, plan.number);
  return { bytes: Buffer.from(`${head}MIME-Version: 1.0\n${body}`), delivered: plan.delivered };
}

function headerOf(random: Random, { user, number, delivered }: MessagePlan): string {
  const sent = new Date(delivered.getTime() - random.between(2, 5_000) * 1000);
  const zone = random.pick(zones);
  const sender = `sender${random.between(1, 300)}@example.net`;
  const unique = `${random.bytes(6).toString('hex')}.${number}.${user}`;
  const lines = [`Return-Path: <${sender}>`, ...trace(random, user, delivered, sent, zone)];
  if (random.chance(0.6)) lines.push(signature(random));
  lines.push(`From: "${name(random)}" <${sender}>`, `To: <${user}@example.com>`);
  if (random.chance(0.25)) lines.push(`Cc: ${copies(random)}`);
  lines.push(`Subject: ${subject(random)}`, `Date: ${mailDate(sent, zone)}`);
  lines.push(`${random.pick(['Message-ID', 'Message-Id'])}: <${unique}@${random.pick(servers)}>`);
  return `${lines.join('\n')}\n`;
}

/** Received lines, the newest first. */
function trace(random: Random, user: string, delivered: Date, sent: Date, zone: string): string[] {
  const hops = random.between(2, 5);
  const step = (delivered.getTime() - sent.getTime()) / hops;
  return Array.from({ length: hops }, (_, hop) => {
    const [from, by] = [random.pick(servers), random.pick(servers)];
    const id = random.bytes(5).toString('hex').toUpperCase();
    const at = mailDate(new Date(delivered.getTime() - hop * step), zone);
    const address = `198.51.100.${random.between(1, 254)}`;
    return `Received: from ${from} (${from} [${address}])\n\tby ${by} with ESMTPS id ${id}\n\tfor <${user}@example.com>; ${at}`;
  });
}

function signature(random: Random): string {
  const value = random
    .bytes(256)
    .toString('base64')
    .match(/.{1,68}/g)!;
  const hash = random.bytes(32).toString('base64');
  return [
    'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=key1;',
    `\th=from:to:subject:date:message-id; bh=${hash};`,
    `\tb=${value.join('\n\t ')}`,
  ].join('\n');
}

function name(random: Random): string {
  const word = () => random.pick(vocabulary);
  return [word(), word()].map((part) => part[0]!.toUpperCase() + part.slice(1)).join(' ');
}

function copies(random: Random): string {
  const count = random.between(1, 6);
  return Array.from({ length: count }, () => `<copy${random.between(1, 99)}@example.com>`).join(',\n ');
}

function subject(random: Random): string {
  const words = Array.from({ length: random.between(2, 8) }, () => random.pick(vocabulary)).join(' ');
  if (random.chance(0.2)) {
    return `=?utf-8?B?${Buffer.from(`${random.pick(accented)} ${words}`).toString('base64')}?=`;
  }
  // Raw UTF-8 in a header is against RFC 5322, and common.
  return random.chance(0.03) ? `${random.pick(accented)} ${words}` : words;
}

/** A date in the form of RFC 5322, in the given zone. */
function mailDate(date: Date, zone: string): string {
  const minutes = Number(zone.slice(0, 3)) * 60 + Number(zone[0] + zone.slice(3));
  const shown = new Date(date.getTime() + minutes * 60_000).toUTCString();
  return shown.replace('GMT', zone);
}

function textPart(random: Random, kind: 'plain' | 'html', size: number): string {
  const head = `Content-Type: text/${kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n`;
  const text = prose(random, size);
  return kind === 'plain' ? `${head}${text}\n` : `${head}<html><body><p>${text}</p></body></html>\n`;
}

function alternatives(random: Random, size: number, boundary: string): string {
  const parts = [textPart(random, 'plain', size * 0.35), textPart(random, 'html', size * 0.6)];
  return `Content-Type: multipart/alternative;\n boundary="${boundary}"\n\n${joined(parts, boundary)}`;
}

function attachment(random: Random, size: number, boundary: string, number: number): string {
  // 76 characters and a line end carry 57 bytes (RFC 2045 §6.8).
  const bytes = random.bytes(Math.floor(((size - attachmentText) * 57) / 77));
  const lines = bytes.toString('base64').replace(/.{76}/g, '$&\n').trimEnd();
  const head = [
    `Content-Type: application/pdf; name="scan-${number}.pdf"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="scan-${number}.pdf"`,
  ];
  const parts = [textPart(random, 'plain', attachmentText), `${head.join('\n')}\n\n${lines}\n`];
  return `Content-Type: multipart/mixed;\n boundary="${boundary}"\n\n${joined(parts, boundary)}`;
}

function joined(parts: readonly string[], boundary: string): string {
  return `${parts.map((part) => `--${boundary}\n${part}`).join('')}--${boundary}--\n`;
}

/** Lines of up to 72 characters: now and then one that a careless program trips over. */
function prose(random: Random, size: number): string {
  const lines: string[] = [];
  let total = 0;
  while (total < size) {
    let line = random.pick(vocabulary);
    for (let word = random.pick(vocabulary); line.length + word.length < 72; word = random.pick(vocabulary)) {
      line += ` ${word}`;
    }
    const odd = random.fraction();
    if (odd < 0.004) line = `.${line}`;
    else if (odd < 0.006) line = '.';
    else if (odd < 0.007) line = '..';
    else if (odd < 0.01) line = `From ${line}`;
    else if (odd < 0.03) line = '';
    else if (odd < 0.05) line = `${random.pick(accented)} ${line}`;
    lines.push(line);
    total += line.length + 1;
  }
  return lines.join('\n');
}
