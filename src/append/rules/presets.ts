/** The rules that have names of their own, written as anybody may write them (docs/placement.md shows the same). */
import type { PresetName, Rule } from '../../ground/settings-rules.ts';

/** What each preset is. */
export const presets: Readonly<Record<PresetName, Rule>> = {
  'own-mail-to-sent': { fromMe: true, to: '\\Sent' },
  'spam-to-junk': { spam: true, to: '\\Junk' },
  'archive-by-year': { beforeThisYear: true, to: '\\Archive/{year}' },
  // UW-IMAP and Pine keep their state of an mbox in a message that POP3 servers show as mail.
  'skip-folder-internal-data': {
    header: 'Subject',
    equals: "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA",
    any: [
      { header: 'X-IMAP', exists: true },
      { header: 'X-IMAPbase', exists: true },
    ],
    skip: 'it holds the state of a folder of UW-IMAP or Pine and is no mail',
  },
};
