/** CREATE, SUBSCRIBE and a look at one mailbox, under exactly the name that will be selected. */
import type { SpecialUse } from '../ground/settings-templates.ts';
import { type Refusal, textMaxChars } from './classify-append.ts';
import type { OpenDoor } from './door.ts';
import { isRev2Only } from './features.ts';
import { type FlowArgument, type FlowAttributes, flowExec, textOf } from './flow-exec.ts';
import { encodeModifiedUtf7 } from './mailbox-name.ts';

/** What imapflow makes of a tagged NO or BAD. */
interface Refused {
  responseStatus?: string;
  responseText?: string;
  response?: { attributes?: readonly { section?: readonly { value?: unknown }[] }[] };
}

/** Creates a mailbox; gives the refusal, if any. Throws what imapflow does when the connection breaks. */
export async function createMailbox(door: OpenDoor, path: string, use?: SpecialUse): Promise<Refusal | undefined> {
  // RFC 6154 §3: CREATE mailbox (USE (\Sent))
  const special: FlowArgument[] =
    use === undefined ? [] : [[{ type: 'ATOM', value: 'USE' }, [{ type: 'ATOM', value: use }]]];
  try {
    await flowExec(door.client, 'CREATE', [nameOf(door, path), ...special]);
    return undefined;
  } catch (thrown) {
    const { responseStatus, responseText = '', response } = (thrown ?? {}) as Refused;
    if (responseStatus !== 'NO' && responseStatus !== 'BAD') throw thrown;
    const code = response?.attributes?.[0]?.section?.[0]?.value;
    const responseCode = typeof code === 'string' ? code.toUpperCase().trim() : undefined;
    return { reply: responseStatus, responseCode, text: responseText.slice(0, textMaxChars) };
  }
}

/** Subscribes to a mailbox, as some servers do not by themselves; a refusal changes nothing. Throws what imapflow does. */
export async function subscribeMailbox(door: OpenDoor, path: string): Promise<void> {
  try {
    await flowExec(door.client, 'SUBSCRIBE', [nameOf(door, path)]);
  } catch (thrown) {
    if ((thrown as Refused | null)?.responseStatus === undefined) throw thrown;
  }
}

/** Whether the server lists a mailbox under the very bytes by which it was created. Throws what imapflow does. */
export async function isListed(door: OpenDoor, path: string): Promise<boolean> {
  const { value } = nameOf(door, path);
  let found = false;
  const LIST = (attributes: FlowAttributes) => {
    found ||= textOf(attributes[2]) === value;
  };
  try {
    await flowExec(door.client, 'LIST', [{ type: 'STRING', value: '' }, nameOf(door, path)], { LIST });
  } catch (thrown) {
    if ((thrown as Refused | null)?.responseStatus === undefined) throw thrown;
  }
  return found;
}

function nameOf({ capabilities }: OpenDoor, path: string): { type: 'STRING'; value: string } {
  return { type: 'STRING', value: isRev2Only(capabilities) ? path : encodeModifiedUtf7(path) };
}
