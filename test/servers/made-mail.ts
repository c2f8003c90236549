/** Made messages for every nasty shape that mail comes in: the bytes that RETR gives, after unstuffing. */

/** A message and what is special about it. */
export interface MadeMessage {
  readonly name: string;
  readonly bytes: Buffer;
}

const crlf = '\r\n';
const plainDate = 'Date: Tue, 4 Mar 2014 10:20:30 +0100';
const received = 'Received: from x.example by y.example; Tue, 4 Mar 2014 10:25:30 +0100';

/**
 * Every shape but the huge one. Messages that are equal on purpose have names that end in `-a` and `-b`. Where a shape
 * does not end in CRLF, a real server adds one, because only CRLF.CRLF ends an answer (RFC 1939 §3).
 */
export function madeMail(user = 'user@example.com'): MadeMessage[] {
  return [
    ...lineShapes(),
    ...byteShapes(),
    ...structureShapes(),
    ...identityShapes(),
    ...dateShapes(),
    ...ownershipShapes(user),
  ];
}

/** One message of 60 MB or as large as asked for, made only when its bytes are read. */
export function hugeMessage(size = 60_000_000): MadeMessage {
  return {
    name: 'huge',
    get bytes() {
      const head = Buffer.from(`${header('huge').join(crlf)}${crlf}${crlf}`);
      const line = Buffer.from(`${'0123456789'.repeat(7)}${crlf}`);
      const body = Buffer.alloc(Math.max(0, size - head.length), line);
      body.write(crlf, body.length - 2, 'latin1');
      return Buffer.concat([head, body]);
    },
  };
}

interface Shape {
  from?: string;
  to?: string;
  /** null: no such line. */
  messageId?: string | null;
  date?: string | null;
}

function header(name: string, shape: Shape = {}): string[] {
  const messageId = shape.messageId === undefined ? `Message-ID: <${name}@example.net>` : shape.messageId;
  const date = shape.date === undefined ? plainDate : shape.date;
  return [
    received,
    `From: ${shape.from ?? 'a@example.net'}`,
    `To: ${shape.to ?? 'user@example.com'}`,
    `Subject: ${name}`,
    ...(date === null ? [] : [date]),
    ...(messageId === null ? [] : [messageId]),
  ];
}

function message(name: string, body: string | Buffer = `body of ${name}${crlf}`, shape: Shape = {}): MadeMessage {
  const head = Buffer.from(`${header(name, shape).join(crlf)}${crlf}${crlf}`);
  return { name, bytes: Buffer.concat([head, typeof body === 'string' ? Buffer.from(body) : body]) };
}

function raw(name: string, text: string | Buffer): MadeMessage {
  return { name, bytes: typeof text === 'string' ? Buffer.from(text) : text };
}

function lineShapes(): MadeMessage[] {
  return [
    message('plain'),
    message('lone-dot', ['before', '.', 'after', ''].join(crlf)),
    message('lone-dot-first', ['.', 'after', ''].join(crlf)),
    message('lone-dot-last', ['before', '.', ''].join(crlf)),
    message('leading-dots', ['.a', '..', '..b', '...', '....c', ''].join(crlf)),
    message('dots-at-line-ends', ['a.', 'b ..', ' .', ''].join(crlf)),
    message('from-lines', ['From here', '>From there', '', 'From me@x Tue Mar  4 10:20:30 2014', ''].join(crlf)),
    message('looks-like-answers', ['+OK 1 2', '-ERR no', '* 1 EXISTS', ') a1 OK done', '{10+}', ''].join(crlf)),
    message('trailing-blanks', ['space   ', 'tab\t', ' ', '', '', '', ''].join(crlf)),
    message('no-final-newline', 'the end'),
    message('final-dot-without-newline', `the end${crlf}.`),
    message('long-line', `${'x'.repeat(1024 * 1024)}${crlf}`),
    message('many-lines', `${'z'.repeat(200)}${crlf}`.repeat(5000)),
  ];
}

function byteShapes(): MadeMessage[] {
  const high = Buffer.from(Array.from({ length: 128 }, (_, index) => 128 + index));
  return [
    message('not-utf-8', Buffer.concat([high, Buffer.from(crlf)])),
    message(
      'every-byte-but-nul',
      Buffer.concat([Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1)), Buffer.from(crlf)]),
    ),
    message('half-a-character', Buffer.from(`\xc3\r\n\xa9\r\n\xe2\x82\r\n`, 'latin1')),
    message('nul', `before \0 after${crlf}\0${crlf}`),
    message('bare-cr', `one\rtwo\r\rthree${crlf}`),
    message('bare-lf', `one\ntwo\n\nthree${crlf}`),
    message('cr-cr-lf', `one\r\r\ntwo\r\r\r\nthree${crlf}`),
    message('bare-lf-dots', `one\n.\ntwo\n..\nthree${crlf}`),
    message('escape-sequences', `\x1b[2J\x07\x08${crlf}`),
    raw(
      'raw-8-bit-header',
      Buffer.from(`From: J\xfcrgen <j@example.net>\r\nSubject: \xe9t\xe9\r\n${plainDate}\r\n\r\nbody\r\n`, 'latin1'),
    ),
  ];
}

function structureShapes(): MadeMessage[] {
  const long = `X-Long: ${'y'.repeat(64 * 1024)}`;
  const folded = ['X-Folded: a', ...Array.from({ length: 1000 }, (_, index) => `\tfold ${index} ${'w'.repeat(55)}`)];
  const end = [crlf, crlf, `body${crlf}`].join('');
  return [
    raw('empty', ''),
    raw('one-line-end', crlf),
    raw('one-byte', 'x'),
    raw('no-header', `${crlf}only a body${crlf}`),
    raw('no-body', `${header('no-body').join(crlf)}${crlf}${crlf}`),
    raw('no-blank-line', `${header('no-blank-line').join(crlf)}${crlf}`),
    raw('text-only', `not a header at all${crlf}nor here${crlf}`),
    raw('mbox-line-first', `From - Tue Mar 04 10:20:30 2014${crlf}${header('mbox-line-first').join(crlf)}${end}`),
    raw('long-header', `${[...header('long-header'), long].join(crlf)}${end}`),
    raw('folded-header', `${[...header('folded-header'), ...folded].join(crlf)}${end}`),
    raw(
      'store-headers',
      `${[...header('store-headers'), 'Status: RO', 'X-UID: 77', 'Content-Length: 999'].join(crlf)}${end}`,
    ),
    raw('header-without-name', `${[': nameless', 'no colon here', ...header('header-without-name')].join(crlf)}${end}`),
  ];
}

function identityShapes(): MadeMessage[] {
  const same = (name: string): MadeMessage => ({ ...message('same', `twin${crlf}`), name });
  const nameless = (name: string): MadeMessage => ({
    ...message('nameless', `twin${crlf}`, { messageId: null }),
    name,
  });
  const shared = (name: string): MadeMessage => {
    const { bytes } = message('shared', `body of ${name}${crlf}`, { messageId: 'Message-ID: <shared@example.net>' });
    return { name, bytes };
  };
  return [
    message('no-message-id-one', undefined, { messageId: null }),
    message('no-message-id-two', undefined, { messageId: null }),
    nameless('no-message-id-equal-a'),
    nameless('no-message-id-equal-b'),
    same('identical-a'),
    same('identical-b'),
    shared('same-message-id-first-body'),
    shared('same-message-id-second-body'),
    message('message-id-folded', undefined, { messageId: `Message-ID:${crlf} <folded@example.net>` }),
    message('message-id-odd', undefined, { messageId: 'message-id : odd @ example' }),
    message('message-id-empty', undefined, { messageId: 'Message-ID: ' }),
    message('message-id-twice', undefined, {
      messageId: `Message-ID: <one@example.net>${crlf}Message-ID: <two@example.net>`,
    }),
  ];
}

/** Without a Received line, so that the Date line alone has to do. */
function dateShapes(): MadeMessage[] {
  const dated = (name: string, date: string | null): MadeMessage => {
    const text = message(name, undefined, { date }).bytes.toString('latin1');
    return raw(name, text.slice(received.length + crlf.length));
  };
  return [
    dated('date-missing', null),
    dated('date-no-date', 'Date: not a date at all'),
    dated('date-impossible', 'Date: Tue, 31 Feb 2014 25:61:00 +0100'),
    dated('date-two-digit-year', 'Date: Tue, 4 Mar 14 10:20 GMT'),
    dated('date-odd-zone', 'Date: Tue, 4 Mar 2014 10:20:30 +2500'),
    dated('date-comment', 'Date: Tue, 4 Mar 2014 10:20:30 +0100 (CET)'),
    dated('date-1970', 'Date: Thu, 1 Jan 1970 00:00:00 +0000'),
    dated('date-1900', 'Date: Mon, 1 Jan 1900 00:00:00 +0000'),
    dated('date-2044', 'Date: Fri, 4 Mar 2044 10:20:30 +0000'),
  ];
}

function ownershipShapes(user: string): MadeMessage[] {
  return [
    message('own-mail', undefined, { from: `"Me, myself" <${user}>`, to: 'friend@example.net' }),
    message('own-mail-to-self', undefined, { from: user, to: user }),
    message('own-mail-other-case', undefined, { from: user.toUpperCase(), to: 'friend@example.net' }),
  ];
}
