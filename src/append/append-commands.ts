/** Cutting a stream of messages into APPEND commands. */
import type { Settings } from '../ground/settings.ts';
import type { AppendFeatures } from '../imap/append-channel.ts';
import type { Item } from './items.ts';

/** Limits of one command, from the settings. */
export type CommandLimits = Pick<Settings, 'appendMaxMessages' | 'appendMaxBytes'>;

/**
 * Groups messages in their order: several to a command where the server offers MULTIAPPEND (RFC 3502), within the
 * limits; one to a command where it does not.
 */
export function appendCommands(items: readonly Item[], features: AppendFeatures, limits: CommandLimits): Item[][] {
  const commands: Item[][] = [];
  let bytes = 0;
  for (const item of items) {
    const current = commands.at(-1);
    const room =
      current && current.length < limits.appendMaxMessages && bytes + item.message.size <= limits.appendMaxBytes;
    if (current && room && features.multiAppend) current.push(item);
    else {
      commands.push([item]);
      bytes = 0;
    }
    bytes += item.message.size;
  }
  return commands;
}
