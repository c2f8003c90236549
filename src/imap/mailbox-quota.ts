/** What the quota roots of a mailbox have used and may use (RFC 9208; RFC 2087 before it). */
import type { OpenDoor } from './door.ts';
import { type FlowAttributes, flowExec, textOf } from './flow-exec.ts';
import { encodeModifiedUtf7 } from './mailbox-name.ts';

/** What a quota root (RFC 9208 §3.2) has used and may use. */
export interface Quota {
  /** Its name; mailboxes of a user with the same one share it. Empty where the server names none. */
  readonly root: string;
  /** The resource STORAGE: bytes, in whole units of 1024. A limit of 0 is none. */
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** The resource MESSAGE; missing where messages are not counted. */
  readonly usedMessages?: number;
  readonly limitMessages?: number;
}

/** RFC 9208 §5.1: STORAGE is counted in units of 1024 octets. */
export const storageUnitBytes = 1024;

/** Whether the server can be asked; RFC 9208 §3.1 names each resource, RFC 2087 had one word. */
export function offersQuota(capabilities: ReadonlySet<string>): boolean {
  return [...capabilities].some((capability) => capability === 'QUOTA' || capability.startsWith('QUOTA=RES-'));
}

/** The bytes that a quota leaves; undefined where there is none. */
export function freeBytes(quota: Quota | undefined): number | undefined {
  // A limit of 0 is none (Dovecot, RFC 9208 leaves it open).
  return quota && quota.limitBytes > 0 ? Math.max(0, quota.limitBytes - quota.usedBytes) : undefined;
}

/** The messages that a quota leaves; undefined where they are not limited. */
export function freeMessages({ usedMessages = 0, limitMessages = 0 }: Quota): number | undefined {
  return limitMessages > 0 ? Math.max(0, limitMessages - usedMessages) : undefined;
}

/** Of several quotas the one that leaves the fewest bytes; undefined where none limits them. */
export function tightest(quotas: readonly Quota[]): Quota | undefined {
  const limiting = quotas.filter((quota) => freeBytes(quota) !== undefined);
  return limiting.sort((a, b) => freeBytes(a)! - freeBytes(b)!)[0];
}

/** Asks for the quotas of a mailbox. Throws what imapflow does: a plain error with the server's answer in it. */
export async function askQuotas(client: OpenDoor['client'], path: string, utf8: boolean): Promise<Quota[]> {
  const roots: string[] = [];
  const found = new Map<string, Quota>();
  const listeners = {
    QUOTAROOT: (attributes: FlowAttributes) => void roots.push(...attributes.slice(1).map(textOf)),
    QUOTA: (attributes: FlowAttributes) => {
      const quota = quotaIn(attributes);
      if (quota) found.set(quota.root, quota);
    },
  };
  const ask = (command: string, name: string) =>
    flowExec(client, command, [{ type: 'STRING', value: name }], listeners);
  await ask('GETQUOTAROOT', utf8 ? path : encodeModifiedUtf7(path));
  // RFC 9208 §4.2.1 has the server tell them unasked; some name the roots alone.
  for (const root of roots) if (!found.has(root)) await ask('GETQUOTA', root);
  return [...found.values()];
}

/** RFC 9208 §4.2.1: the name of the root, and a list of triples: resource, usage, limit. */
function quotaIn([name, list]: readonly unknown[]): Quota | undefined {
  if (!Array.isArray(list)) return undefined;
  const values = list.map(textOf);
  const numbers = (resource: string): [used: number, limit: number] | undefined => {
    const at = values.findIndex((value, n) => n % 3 === 0 && value.toUpperCase() === resource);
    const given = values.slice(at + 1, at + 3);
    if (at === -1 || given.length < 2 || !given.every((value) => /^\d{1,15}$/.test(value))) return undefined;
    return [Number(given[0]), Number(given[1])];
  };
  const [usedUnits, limitUnits] = numbers('STORAGE') ?? [0, 0];
  const messages = numbers('MESSAGE');
  return {
    root: textOf(name),
    usedBytes: usedUnits * storageUnitBytes,
    limitBytes: limitUnits * storageUnitBytes,
    ...(messages && { usedMessages: messages[0], limitMessages: messages[1] }),
  };
}
