import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyDigest } from '../../src/message/canonical.ts';
import { contentsBytes, contentsOf, headerMarks, packContents, unpackContents } from '../../src/verify/contents.ts';
import { madeMail } from '../servers/made-mail.ts';
import { canonical } from '../servers/witness.ts';

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const read = (bytes: Buffer, size = 65536) => contentsOf(cut(bytes, size));

describe('the content of a message', () => {
  it.each(madeMail())('$name: the same for every cut, for the canonical form, and as elsewhere', async ({ bytes }) => {
    const whole = await read(bytes);
    expect(whole.sha256).toEqual(createHash('sha256').update(bytes).digest());
    for (const size of bytes.length < 20_000 ? [1, 7, 100] : [5000]) expect(await read(bytes, size)).toEqual(whole);
    const shown = await read(Buffer.concat([canonical(bytes), Buffer.from('\r\n')]));
    expect([shown.header, shown.body]).toEqual([whole.header, whole.body]);
    expect(whole.body).toEqual((await bodyDigest(cut(bytes, 999))).subarray(0, 16));
  });

  it('differs in its body or in its header where one byte differs', async () => {
    const bytes = Buffer.from('Message-ID: <a@x>\r\nSubject: s\r\n\r\nbody\r\nof two lines\r\n');
    const gap = bytes.indexOf('\r\n\r\n') + 4;
    const before = await read(bytes);
    const place = fc.nat(bytes.length - 3).filter((at) => bytes[at]! > 31);
    await fc.assert(
      fc.asyncProperty(place, async (at) => {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 0x40;
        const after = await read(changed);
        expect(after.body.equals(before.body)).toBe(at < gap);
        expect(after.header.equals(before.header)).toBe(at >= gap);
      }),
    );
  });

  it('comes back from its packed form', async () => {
    const contents = await read(Buffer.from('Subject: s\r\n\r\nbody\r\n'));
    const packed = Buffer.alloc(contentsBytes * 3, 1);
    packContents(contents, packed, contentsBytes);
    expect(unpackContents(packed, contentsBytes)).toEqual(contents);
    expect(packed.subarray(0, contentsBytes)).toEqual(Buffer.alloc(contentsBytes, 1));
    expect(packed.subarray(2 * contentsBytes)).toEqual(Buffer.alloc(contentsBytes, 1));
  });
});

describe('the header', () => {
  it('gives names and a fingerprint, as far as it is looked at', () => {
    const header = Buffer.from('Message-ID: <a@x>\r\nSubject: a\r\n long one\r\nX-Y: z\r\n\r\n');
    expect(headerMarks(header, 1000)).toMatchObject({ messageId: '<a@x>', subject: 'a long one', hasMessageId: true });
    expect(headerMarks(header, 20)).toMatchObject({ messageId: '<a@x>', subject: '', hasMessageId: true });
    expect(headerMarks(header, 5)).toMatchObject({ messageId: '', hasMessageId: false });
  });
});
