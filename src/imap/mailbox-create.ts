/** CREATE, SUBSCRIBE and a look at one mailbox, under exactly the name that will be selected. */
import type { Refusal } from './classify-append.ts';
import type { OpenDoor } from './door.ts';
import { isRev2Only } from './features.ts';
import { encodeModifiedUtf7 } from './mailbox-name.ts';
import type { SpecialUse } from './special-use-names.ts';

/** What of imapflow is used here: its own CREATE knows no USE. The tests fail when a version moves it. */
interface FlowExec {
  exec(
    command: string,
    attributes: readonly unknown[],
    options?: { untagged: Record<string, (response: { attributes?: readonly unknown[] }) => Promise<void>> },
  ): Promise<{ next(): void }>;
}

/** What imapflow makes of a tagged NO or BAD. */
interface Refused {
  responseStatus?: string;
  responseText?: string;
  response?: { attributes?: readonly { section?: readonly { value?: unknown }[] }[] };
}

/** Creates a mailbox; gives the refusal, if any. Throws what imapflow does when the connection breaks. */
export async function createMailbox(door: OpenDoor, path: string, use?: SpecialUse): Promise<Refusal | undefined> {
  // RFC 6154 §3: CREATE mailbox (USE (\Sent))
  const special = use === undefined ? [] : [[{ type: 'ATOM', value: 'USE' }, [{ type: 'ATOM', value: use }]]];
  try {
    (await flow(door).exec('CREATE', [nameOf(door, path), ...special])).next();
    return undefined;
  } catch (thrown) {
    const { responseStatus, responseText = '', response } = (thrown ?? {}) as Refused;
    if (responseStatus !== 'NO' && responseStatus !== 'BAD') throw thrown;
    const code = response?.attributes?.[0]?.section?.[0]?.value;
    const responseCode = typeof code === 'string' ? code.toUpperCase().trim() : undefined;
    return { reply: responseStatus, responseCode, text: responseText };
  }
}

/** Subscribes to a mailbox, as some servers do not by themselves; a refusal changes nothing. Throws what imapflow does. */
export async function subscribeMailbox(door: OpenDoor, path: string): Promise<void> {
  try {
    (await flow(door).exec('SUBSCRIBE', [nameOf(door, path)])).next();
  } catch (thrown) {
    if ((thrown as Refused | null)?.responseStatus === undefined) throw thrown;
  }
}

/** Whether the server lists a mailbox under the very bytes by which it was created. Throws what imapflow does. */
export async function isListed(door: OpenDoor, path: string): Promise<boolean> {
  const { value } = nameOf(door, path);
  let found = false;
  const LIST = async ({ attributes }: { attributes?: readonly unknown[] }) => {
    const listed = (attributes?.[2] as { value?: unknown } | null | undefined)?.value;
    found ||= listed !== undefined && listed !== null && String(listed) === value;
  };
  const args = [{ type: 'STRING', value: '' }, nameOf(door, path)];
  try {
    (await flow(door).exec('LIST', args, { untagged: { LIST } })).next();
  } catch (thrown) {
    if ((thrown as Refused | null)?.responseStatus === undefined) throw thrown;
  }
  return found;
}

function flow({ client }: OpenDoor): FlowExec {
  return client as unknown as FlowExec;
}

function nameOf({ capabilities }: OpenDoor, path: string): { type: 'STRING'; value: string } {
  return { type: 'STRING', value: isRev2Only(capabilities) ? path : encodeModifiedUtf7(path) };
}
