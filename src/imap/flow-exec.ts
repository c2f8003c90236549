/** Commands that imapflow can send and has no method for, or one that knows less of them than is asked here. */
import type { OpenDoor } from './door.ts';

/** One argument of a command, as imapflow has it; a list stands for a parenthesised one. */
export type FlowArgument = { readonly type: 'ATOM' | 'STRING'; readonly value: string } | readonly FlowArgument[];

/** What stands behind the name of an untagged answer, read by `textOf`. */
export type FlowAttributes = readonly unknown[];

/** What of imapflow is used here. The tests fail when a version moves it. */
interface FlowExec {
  exec(
    command: string,
    attributes: readonly FlowArgument[],
    options: { untagged: Record<string, (response: { attributes?: FlowAttributes }) => Promise<void>> },
  ): Promise<{ next(): void }>;
}

/**
 * Sends a command and waits for its OK; each untagged answer goes to the listener of its name. Throws what imapflow does:
 * a plain error with the server's answer in it.
 */
export async function flowExec(
  client: OpenDoor['client'],
  command: string,
  attributes: readonly FlowArgument[],
  listeners: Readonly<Record<string, (attributes: FlowAttributes) => void>> = {},
): Promise<void> {
  const untagged = Object.fromEntries(
    Object.entries(listeners).map(([name, listen]) => [
      name,
      async ({ attributes: given }: { attributes?: FlowAttributes }) => listen(given ?? []),
    ]),
  );
  (await (client as unknown as FlowExec).exec(command, attributes, { untagged })).next();
}

/** The text of one attribute; empty for NIL and for a list. */
export function textOf(attribute: unknown): string {
  return String((attribute as { value?: unknown } | null | undefined)?.value ?? '');
}
