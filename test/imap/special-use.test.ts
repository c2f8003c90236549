/** Which mailbox has a special use, on listings as servers give them. */
import { afterEach, describe, expect, test } from 'vitest';
import type { SpecialUse } from '../../src/ground/settings-templates.ts';
import type { MailboxInfo } from '../../src/imap/mailbox-info.ts';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { specialMailbox } from '../../src/imap/special-use.ts';
import { knownNames } from '../../src/imap/special-use-names.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { endpoint, quick } from './imap-rig.ts';

const slash = { prefix: '', delimiter: '/' };
const dot = { prefix: 'INBOX.', delimiter: '.' };

/** Mailboxes by path: with an attribute, `-` for one that cannot be opened. */
function listing(mailboxes: Record<string, string>): MailboxInfo[] {
  return Object.entries({ INBOX: '', ...mailboxes }).map(([path, attribute]) => ({
    path,
    delimiter: '/',
    specialUse: attribute.replace('-', '') || undefined,
    selectable: !attribute.startsWith('-'),
  }));
}

describe('the mailbox of a use', () => {
  test.each<[string, Record<string, string>, string | undefined]>([
    ['is the one with the attribute, whatever its name', { Sent: '', Verschickt: '\\Sent' }, 'Verschickt'],
    ['is not one that cannot be opened', { Top: '-\\Sent', Sent: '' }, 'Sent'],
    ['is the better known of two with it', { A: '\\Sent', 'Sent Messages': '\\Sent', Sent: '\\Sent' }, 'Sent'],
    ['is the first of two that nobody knows', { Zwei: '\\Sent', Eins: '\\Sent' }, 'Eins'],
    ['is one with a known name where none has it', { Drafts: '\\Drafts', Gesendet: '' }, 'Gesendet'],
    ['is not one with another use', { Sent: '\\All' }, undefined],
    ['is not one deep inside', { 'Customers/Sent': '' }, undefined],
    ['is none where nothing is like it', { 'Sent to clients': '', Sentinel: '' }, undefined],
  ])('%s', (_, mailboxes, expected) => {
    const made = listing(mailboxes);
    expect(specialMailbox(made, '\\Sent', slash)).toBe(expected);
    expect(specialMailbox(made.reverse(), '\\Sent', slash)).toBe(expected);
  });

  test('may stand below INBOX, with the prefix of the namespace or without', () => {
    expect(specialMailbox(listing({ 'INBOX.Sent': '' }), '\\Sent', dot)).toBe('INBOX.Sent');
    expect(specialMailbox(listing({ 'INBOX/Sent': '' }), '\\Sent', slash)).toBe('INBOX/Sent');
    expect(specialMailbox(listing({ Sent: '' }), '\\Sent', { prefix: '', delimiter: undefined })).toBe('Sent');
  });

  test.each<[SpecialUse, string[]]>([
    [
      '\\Sent',
      ['sent items', 'GESENDETE OBJEKTE', 'Éléments envoyés', 'E\u0301le\u0301ments envoye\u0301s', 'Enviados'],
    ],
    ['\\Sent', ['Posta inviata', 'Itens enviados', 'Verzonden items', 'Skickat', 'Sendt post', 'Lähetetyt', 'Wysłane']],
    ['\\Sent', ['Odeslaná pošta', 'Elküldött', 'ОТПРАВЛЕННЫЕ', 'Надіслані', 'GÖNDERİLMİŞ ÖĞELER', 'Απεσταλμένα']],
    [
      '\\Sent',
      ['ΑΠΕΣΤΑΛΜΈΝΑ', '送信済みアイテム', '已发送', '寄件備份', '보낸 편지함', '보낸\u00a0편지함'.normalize('NFD')],
    ],
    [
      '\\Junk',
      ['spam', 'Junk E-Mail', 'Courrier indésirable', 'Roskaposti', 'Спам', 'İstenmeyen', '迷惑メール', '垃圾邮件'],
    ],
    ['\\Archive', ['Archiv', 'Archives', 'Arkiv', 'Archiwum', 'Архив', 'Arşiv', 'アーカイブ', '归档', '보관함']],
    [
      '\\Trash',
      ['Deleted Items', 'Papierkorb', 'Corbeille', 'Cestino', 'Kosz', 'Корзина', 'Çöp Kutusu', 'ごみ箱', '휴지통'],
    ],
    [
      '\\Drafts',
      ['Entwürfe', 'Brouillons', 'Bozze', 'Utkast', 'Szkice', 'Черновики', 'Taslaklar', '下書き', '草稿', 'Luonnokset'],
    ],
  ])('%s is known by its names', (use, names) => {
    for (const name of names) expect([name, specialMailbox(listing({ [name]: '' }), use, slash)]).toEqual([name, name]);
  });

  test('has no name that another use has as well', () => {
    const uses: SpecialUse[] = ['\\Sent', '\\Junk', '\\Archive', '\\Trash', '\\Drafts'];
    const all = uses.flatMap((use) => [...knownNames(use).keys()]);
    expect(all.filter((name, n) => all.indexOf(name) !== n)).toEqual([]);
  });
});

describe('over a connection', () => {
  const ends: (() => unknown)[] = [];
  const base = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE'];

  async function rig(behaviour: ImapBehaviour) {
    const imap = await ScriptedImap.start(behaviour);
    const client = await MailboxClient.connect(endpoint(imap.port), quick);
    ends.push(
      () => client.destroy(),
      () => imap.stop(),
    );
    const creates = () =>
      imap.connections[0]!.commands.filter((text) => / CREATE /.test(text)).map((t) => t.slice(t.indexOf(' ') + 1));
    return { imap, client, creates };
  }

  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  test('an old server that speaks XLIST is understood', async () => {
    const { imap, client } = await rig({ capabilities: [...base, 'XLIST'] });
    imap.mailboxes.delete('INBOX');
    imap.addMailbox('Posteingang', ['\\HasNoChildren', '\\Inbox']);
    imap.addMailbox('Werbung', ['\\Spam']);
    imap.addMailbox('Alle', ['\\AllMail']);
    imap.addMailbox('Markiert', ['\\Starred']);
    imap.addMailbox('Raus', ['\\SENT']);
    expect((await client.view()).special('\\Sent')).toBe('Raus');
    expect((await client.view()).special('\\Junk')).toBe('Werbung');
    expect((await client.view()).special('\\Archive')).toBeUndefined();
    const uses = (await client.list()).map(({ path, specialUse }) => [path, specialUse]);
    expect(Object.fromEntries(uses)).toEqual({
      INBOX: undefined,
      Werbung: '\\Junk',
      Alle: '\\All',
      Markiert: '\\Flagged',
      Raus: '\\Sent',
    });
  });

  test('a missing one is made with its attribute where the server lets clients do that (RFC 6154 §3)', async () => {
    const { imap, client, creates } = await rig({ capabilities: [...base, 'SPECIAL-USE', 'CREATE-SPECIAL-USE'] });
    expect((await client.view()).special('\\Sent')).toBeUndefined();
    expect(await client.ensureSpecial('\\Sent')).toBe('Sent');
    expect(imap.mailboxes.get('Sent')).toMatchObject({ attributes: ['\\Sent'], subscribed: true });
    expect(await client.ensureSpecial('\\Sent')).toBe('Sent');
    expect(creates()).toEqual(['CREATE "Sent" (USE (\\Sent))']);
  });

  test('and without where it does not, or not for this use', async () => {
    const plain = await rig({ capabilities: base });
    expect(await plain.client.ensureSpecial('\\Junk')).toBe('Junk');
    expect(plain.creates()).toEqual(['CREATE "Junk"']);
    const { client, creates, imap } = await rig({ capabilities: [...base, 'SPECIAL-USE', 'CREATE-SPECIAL-USE'] });
    imap.behaviour.answer = (text) => (/USE \(/.test(text) ? 'TAG NO [USEATTR] not this use\r\n' : undefined);
    expect(await client.ensureSpecial('\\Archive')).toBe('Archive');
    expect(creates()).toEqual(['CREATE "Archive" (USE (\\Archive))', 'CREATE "Archive"']);
  });
});
