/** A destination mailbox that is full before the first run: how long its index takes, and that nothing is doubled. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../../src/report/report.ts';
import { readBareHeaders } from './bare-headers.ts';
import { fillMaildrop, type MaildropPlan, messagesOf } from './corpora.ts';
import { fillMailbox, type MailboxMessage } from './fill-mailbox.ts';
import type { GrowthRig } from './growth.ts';
import { costOf, growthMaildrop, type RunCost, runOnce } from './growth-maildrop.ts';
import type { Ran } from './rows.ts';
import { median } from './statistics.ts';
import { type Contents, compareContents, destinationContents, madeContents } from './verify-copy.ts';

/** One size; medians where it was measured several times. */
export interface MailboxPoint extends RunCost {
  /** Messages of the mailbox before the run. */
  messages: number;
  /** Time that it took to fill it, which is the server's. */
  fillSeconds: number;
  /** Time that a bare socket took to read all its headers, right after the run. */
  bareSeconds: number;
  problems: string[];
}

/** Runs an account into mailboxes of so many messages, half of its own mail among them. */
export async function measureMailbox(
  rig: GrowthRig,
  messages: number,
  arriving: number,
  runs: number,
): Promise<MailboxPoint> {
  const plan = growthMaildrop(`arriving-${arriving}`, arriving);
  await fillMaildrop(rig.source, plan);
  const contents = madeContents(messagesOf(plan));
  const ran: Ran[] = [];
  const problems: string[] = [];
  const filled: number[] = [];
  const bare: number[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const to = `mailbox-${messages}-${run}`;
    const began = performance.now();
    await fillMailbox(rig.destination.imapPort, to, mixed(plan, messages));
    filled.push((performance.now() - began) / 1000);
    const one = await runOnce(rig, 'mailhaul-redis', plan.user, to);
    ran.push(one);
    problems.push(...faultsOf(one, arriving));
    bare.push(await readBareHeaders(rig.destination.imapPort, to));
    problems.push(...foundAmiss(contents, await destinationContents(rig.destination.imapPort, to), messages));
    await rm(join(rig.destination.mailRoot, to), { recursive: true, force: true });
  }
  return { messages, fillSeconds: median(filled), bareSeconds: median(bare), ...costOf(ran), problems };
}

/** Every second message of the maildrop, spread evenly among small ones of others. */
function* mixed(plan: MaildropPlan, messages: number): Generator<MailboxMessage> {
  const own = everySecond(plan);
  const share = messages / (plan.messages / 2);
  for (let number = 0; number < messages; number += 1) {
    const isOwn = Math.floor((number + 1) / share) > Math.floor(number / share);
    yield isOwn ? (own.next().value ?? foreign(number)) : foreign(number);
  }
}

function* everySecond(plan: MaildropPlan): Generator<MailboxMessage> {
  let number = 0;
  for (const message of messagesOf(plan)) {
    if (number % 2 === 0) yield message;
    number += 1;
  }
}

const firstDate = Date.UTC(2015, 0, 1);
const minute = 60_000;

/** A small message with the header of a usual one, as it goes from one person to another within a company. */
function foreign(number: number): MailboxMessage {
  const delivered = new Date(firstDate + number * minute);
  const date = delivered.toUTCString().replace('GMT', '+0000');
  const lines = [
    'Return-Path: <colleague@example.org>',
    'Received: from desk.example.org (desk.example.org [198.51.100.7])',
    `\tby mail.example.org with ESMTP id ${number.toString(16).toUpperCase().padStart(8, '0')}; ${date}`,
    `From: "A Colleague" <colleague@example.org>`,
    'To: <somebody@example.org>',
    `Subject: note ${number}`,
    `Date: ${date}`,
    `Message-ID: <note.${number}@desk.example.org>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    `Note ${number}.`,
    '',
  ];
  return { bytes: Buffer.from(lines.join('\n')), delivered };
}

function faultsOf({ status, stderr, report }: Ran, arriving: number): string[] {
  if (status !== 0 || !report) return [`exit status ${status}: ${stderr.slice(-300)}`];
  const { listed, duplicate, appended }: Report['totals']['messages'] = report.totals.messages;
  if (listed === arriving && duplicate === arriving / 2 && appended === arriving / 2) return [];
  return [`${listed} listed, ${duplicate} found there and ${appended} appended of ${arriving}`];
}

/** Each message of the source must be there once, and nothing else may have come or gone. */
function foundAmiss(source: Contents, there: Contents, before: number): string[] {
  const { exact, missing, extra } = compareContents(source, there);
  const doubled = [...source].filter(([digest, count]) => (there.get(digest) ?? 0) > count).length;
  const arriving = exact + missing;
  if (missing === 0 && doubled === 0 && extra === before - arriving / 2) return [];
  return [`${missing} of ${arriving} messages are missing, ${doubled} doubled, and ${extra} others are there`];
}
