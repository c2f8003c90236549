/** Mail for the crash tests: small, all different in bytes but for stated copies, with every shape that twins have. */
import type { Random } from '../bench/random.ts';

/** A message of a source. */
export interface CrashMessage {
  readonly bytes: Buffer;
  readonly uidl: string;
}

/** What is special about a message, by its place among the first ones. */
const shapes = ['plain', 'nameless', 'fork-1', 'fork-2', 'copy', 'copy', 'nameless-fork-1', 'nameless-fork-2'] as const;

type Shape = (typeof shapes)[number];

/** Messages that arrive once each: all but the second of the two copies. */
export function distinct(messages: readonly { bytes: Buffer }[]): Buffer[] {
  const seen = new Map(messages.map(({ bytes }) => [bytes.toString('latin1'), bytes]));
  return [...seen.values()];
}

/**
 * So many messages whose texts begin with `tag`: among them some without Message-ID, two that agree in all their
 * headers and differ in their bodies, with and without Message-ID, and two that are equal in every byte.
 */
export function crashMail(tag: string, count: number, random: Random): CrashMessage[] {
  return Array.from({ length: count }, (_, at) => {
    const shape = shapes[(at * 3) % shapes.length]!;
    const special = at < shapes.length && shape !== 'plain';
    return { uidl: `${tag}-${at}`, bytes: special ? shaped(tag, shape) : plain(tag, at, random) };
  });
}

function plain(tag: string, at: number, random: Random): Buffer {
  const size = at % 7 === 3 ? random.between(20_000, 60_000) : random.between(10, 3000);
  return message([`Message-ID: <${tag}.${at}@crash.example>`, `Subject: ${tag} ${at}`], body(`${tag} ${at}`, size));
}

function shaped(tag: string, shape: Shape): Buffer {
  const subject = `Subject: ${tag} ${shape.replace(/-\d$/, '')}`;
  const id = `Message-ID: <${tag}.${shape.replace(/-\d$/, '')}@crash.example>`;
  return message(shape.startsWith('nameless') ? [subject] : [id, subject], body(`${tag} ${shape}`, 200));
}

function message(header: readonly string[], text: string): Buffer {
  const fixed = ['From: a@crash.example', 'To: b@crash.example', 'Date: Tue, 4 Mar 2014 10:20:30 +0100'];
  return Buffer.from(`${[...header, ...fixed].join('\r\n')}\r\n\r\n${text}`);
}

/** Lines that begin with dots, as many as fill the size. */
function body(mark: string, size: number): string {
  const line = `..${'x'.repeat(60)} ${mark}\r\n`;
  return `${mark}\r\n${line.repeat(Math.ceil(size / line.length))}`;
}
