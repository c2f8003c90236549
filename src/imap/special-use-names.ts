/** What mail programs and servers call the mailboxes of special use, where the server does not mark them. */
import type { SpecialUse } from '../ground/settings-templates.ts';

/**
 * Names by use, one line a language, several in a line apart by `|`; the earlier is preferred. As Outlook, Thunderbird,
 * Apple Mail, Roundcube, Horde and the providers of these countries write them.
 */
const byLanguage: Readonly<Record<SpecialUse, readonly string[]>> = {
  '\\Sent': [
    'Sent|Sent Items|Sent Messages|Sent Mail|Sent-Mail|Sent Objects|Sent Email|Outgoing Mail',
    'Gesendet|Gesendete Objekte|Gesendete Elemente|Gesendete Nachrichten|Gesendete Mails|Postausgang gesendet|Gesendete',
    'Envoyés|Éléments envoyés|Messages envoyés|Courrier envoyé|Objets envoyés|Envoyé|Elements envoyes',
    'Enviados|Elementos enviados|Mensajes enviados|Correo enviado|Correos enviados',
    'Inviati|Posta inviata|Posta inviati|Inviata|Elementi inviati|Messaggi inviati',
    'Itens enviados|Mensagens enviadas|Enviadas|Correio enviado|E-mails enviados',
    'Verzonden|Verzonden items|Verzonden berichten|Verzonden objecten|Verstuurd',
    'Skickat|Skickade|Skickade objekt|Skickade meddelanden|Skickat e-post',
    'Sendt|Sendt post|Sendte elementer|Sendte beskeder|Sendte|Sendte e-mails|Sendte meldinger',
    'Lähetetyt|Lähetetyt viestit|Lähetetty|Lähetetyt kohteet',
    'Wysłane|Elementy wysłane|Wysłane wiadomości|Wiadomości wysłane|Poczta wysłana|Wyslane',
    'Odeslané|Odeslaná pošta|Odeslané položky|Odeslane|Odoslané|Odoslaná pošta',
    'Elküldött|Elküldött elemek|Elküldött üzenetek|Elküldött levelek|Elküldöttek',
    'Отправленные|Отправленные письма|Отправленные сообщения|Исходящие отправленные',
    'Надіслані|Відправлені|Надіслані повідомлення|Надіслані листи',
    'Gönderilmiş Öğeler|Gönderilmiş|Gönderilenler|Gönderilmiş Postalar|Gönderilen|Gönderilmiş Mesajlar',
    'Απεσταλμένα|Σταλθέντα|Απεσταλμένα μηνύματα|Σταλμένα',
    '送信済み|送信済みアイテム|送信済みメール|送信済みトレイ|送信済みメッセージ|送信箱',
    '已发送|已发送邮件|已发送消息|已发邮件|已寄送|寄件備份|寄件備份匣|已傳送郵件|已傳送的郵件|寄件匣備份|已寄出',
    '보낸 편지함|보낸편지함|보낸메일함|보낸 메일함|보낸 메일|보낸 항목',
    'Trimise|Mesaje trimise|Elemente trimise|Poslano|Poslane|Poslana pošta|Изпратени',
  ],
  '\\Junk': [
    'Junk|Spam|Junk E-mail|Junk Email|Junk Mail|Bulk Mail|Bulk|Junk-E-Mail',
    'Spamverdacht|Unerwünscht|Unerwünschte Werbung|Spam-Verdacht|Werbung',
    'Courrier indésirable|Indésirables|Indésirable|Pourriel|Pourriels',
    'Correo no deseado|Correo basura|No deseado|Correo electrónico no deseado',
    'Posta indesiderata|Indesiderata|Posta spazzatura',
    'Lixo eletrônico|Lixo eletrónico|Lixo electrónico|Correio não solicitado|Correio eletrónico de lixo',
    'Ongewenste e-mail|Ongewenst|Ongewenste mail|Ongewenste reclame',
    'Skräppost|Skräp|Skräp-epost',
    'Uønsket e-mail|Uønsket e-post|Uønsket post|Uønsket|Søppelpost|Søppel-e-post',
    'Roskaposti|Roskapostit',
    'Wiadomości-śmieci|Wiadomości śmieci|Niechciane|Niechciana poczta',
    'Nevyžádaná pošta|Nevyžádaná|Nevyžádané|Nevyžiadaná pošta',
    'Levélszemét|Kéretlen|Kéretlen levelek|Szemét',
    'Спам|Нежелательная почта|Нежелательные|Рассылки и спам',
    'Небажана пошта|Небажані',
    'Önemsiz|Gereksiz|Önemsiz E-posta|Gereksiz E-posta|İstenmeyen|İstenmeyen E-posta',
    'Ανεπιθύμητα|Ανεπιθύμητη αλληλογραφία|Ανεπιθύμητη Αλληλογραφία|Ανεπιθύμητο ηλεκτρονικό ταχυδρομείο',
    '迷惑メール|迷惑メールフォルダ|スパム',
    '垃圾邮件|垃圾郵件|垃圾信件|垃圾電郵|垃圾邮件箱',
    '스팸|스팸 메일함|스팸메일함|스팸 편지함|정크 메일|정크',
    'Mesaje nedorite|Neželena pošta|Нежелана поща',
  ],
  '\\Archive': [
    'Archive|Archives|Archived|Archive Mail',
    'Archiv|Archivierte Nachrichten',
    'Archives du courrier|Messages archivés',
    'Archivo|Archivos|Archivados|Archivo de correo',
    'Archivio|Archivi|Posta archiviata|Archiviati',
    'Arquivo|Arquivos|Arquivo morto|Arquivados|Arquivo de correio',
    'Archief|Archieven|Gearchiveerd',
    'Arkiv|Arkiverat|Arkiver',
    'Arkiveret|Arkivert',
    'Arkisto|Arkistoidut',
    'Archiwum|Archiwa|Zarchiwizowane',
    'Archív|Archivováno',
    'Archívum|Archivált',
    'Архив|Архивы',
    'Архів|Архіви',
    'Arşiv|Arşivler',
    'Αρχειοθήκη|Αρχείο|Αρχειοθέτηση',
    'アーカイブ|保存済み',
    '存档|归档|已归档|存檔|封存|備存',
    '보관함|보관 편지함|보관편지함|보관',
    'Arhivă|Arhiva|Arhiv',
  ],
  '\\Trash': [
    'Trash|Deleted Items|Deleted Messages|Deleted|Bin|Wastebasket',
    'Papierkorb|Gelöschte Objekte|Gelöschte Elemente|Gelöscht|Gelöschte Nachrichten',
    'Corbeille|Éléments supprimés|Messages supprimés|Poubelle|Elements supprimes',
    'Papelera|Elementos eliminados|Papelera de reciclaje|Mensajes eliminados|Eliminados',
    'Cestino|Posta eliminata|Elementi eliminati|Messaggi eliminati|Eliminati',
    'Lixeira|Lixo|Itens excluídos|Itens eliminados|Reciclagem|Itens apagados|Mensagens excluídas',
    'Prullenbak|Prullenmand|Verwijderde items|Verwijderde berichten|Verwijderd',
    'Papperskorgen|Papperskorg|Borttaget|Borttagna objekt|Raderat|Raderade meddelanden',
    'Papirkurv|Slettet post|Slettede elementer|Slettede beskeder|Papirkurven|Søppelkurv|Slettede|Slettet|Søppel',
    'Roskakori|Poistetut|Poistetut viestit',
    'Kosz|Elementy usunięte|Usunięte|Usunięte wiadomości',
    'Koš|Odstraněná pošta|Odstraněné|Odstraněné položky|Kôš|Odstránené položky',
    'Kuka|Lomtár|Törölt elemek|Törölt üzenetek|Törölt',
    'Корзина|Удаленные|Удалённые|Удаленные письма',
    'Кошик|Видалені|Видалені повідомлення|Смітник',
    'Çöp|Çöp Kutusu|Silinmiş Öğeler|Silinmiş|Silinenler|Silinmiş Postalar',
    'Κάδος απορριμμάτων|Διαγραμμένα|Απορρίμματα|Κάδος|Διαγραμμένα μηνύματα',
    'ごみ箱|ゴミ箱|削除済みアイテム|削除済み|削除済みメール',
    '已删除|已删除邮件|废件箱|垃圾桶|已刪除項目|已刪除的郵件|已删除消息|回收站|垃圾筒',
    '휴지통|지운 편지함|지운편지함|지운 메일|삭제된 항목',
    'Coș de gunoi|Elemente șterse|Smeće|Koš za smeće|Кошче',
  ],
  '\\Drafts': [
    'Drafts|Draft|Draft Messages',
    'Entwürfe|Entwurf|Entwuerfe',
    'Brouillons|Brouillon',
    'Borradores|Borrador',
    'Bozze|Bozza',
    'Rascunhos|Rascunho',
    'Concepten|Concept',
    'Utkast',
    'Kladder|Kladde|Udkast',
    'Luonnokset|Luonnos',
    'Szkice|Kopie robocze|Robocze|Wersje robocze',
    'Koncepty|Rozepsané|Rozepsaná pošta',
    'Piszkozatok|Vázlatok|Piszkozat',
    'Черновики|Черновик',
    'Чернетки|Чернетка',
    'Taslaklar|Taslak|Karalamalar',
    'Πρόχειρα|Προσχέδια',
    '下書き|下書き箱',
    '草稿|草稿箱|草稿匣|草稿夾',
    '임시 보관함|임시보관함|초안|임시 편지함',
    'Ciorne|Skice|Nacrti|Osnutki|Чернови',
  ],
};

/** Names that are the same to a reader are one: composed or not, in any case, with whatever blanks. */
export function foldedName(name: string): string {
  // Upper and then lower case makes one of ß and ss, of both forms of the Greek sigma, and of the Turkish i with its dot or
  // without
  return name
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .replaceAll('i\u0307', 'i')
    .normalize('NFKC')
    .replace(/[\s\u200b-\u200f\ufeff]+/g, ' ')
    .trim();
}

/** How well names are known for a use, by their folded form: 0 is the best; one that is missing says nothing. */
export function knownNames(use: SpecialUse): ReadonlyMap<string, number> {
  const names = byLanguage[use].flatMap((line) => line.split('|')).map(foldedName);
  return new Map(names.map((name, rank) => [name, rank] as const).reverse());
}
