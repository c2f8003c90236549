/** What a message is, taken while its bytes stream past: its fingerprint, its names, and digests to compare it by. */
import { createHash } from 'node:crypto';
import { Canonical } from '../message/canonical.ts';
import { type FingerprintKind, fingerprint } from '../message/fingerprint.ts';
import { firstField, headerEnd, headerFields } from '../message/header.ts';

/** Bytes of the packed form of `Contents`. */
export const contentsBytes = 64;
const digestBytes = 16;
/** A message whose header is longer than this is compared whole. */
const headMaxBytes = 4 * 1024 * 1024;

/** Digests of one message; header and body in the canonical form of design §8. */
export interface Contents {
  /** SHA-256 of the bytes as they came. */
  readonly sha256: Buffer;
  /** 16 bytes of SHA-256, the empty line included; of nothing where no empty line ends the header. */
  readonly header: Buffer;
  /** 16 bytes of SHA-256. */
  readonly body: Buffer;
}

/** What the header of a message says. */
export interface HeaderMarks {
  readonly fingerprint: Buffer;
  readonly hasMessageId: boolean;
  /** As they stand in the header; empty where there is none. */
  readonly messageId: string;
  readonly subject: string;
}

/** The marks of a header, with a fingerprint of this kind; bytes behind `headerMaxBytes` are not looked at. */
export function headerMarks(header: Buffer, headerMaxBytes: number, kind: FingerprintKind = 'headers'): HeaderMarks {
  const fields = headerFields(header.subarray(0, headerMaxBytes));
  const { bytes, hasMessageId } = fingerprint(fields, kind);
  return {
    fingerprint: bytes,
    hasMessageId,
    messageId: firstField(fields, 'message-id'),
    subject: firstField(fields, 'subject'),
  };
}

/** Takes one message in chunks of any size. */
export class ContentReader {
  readonly #sha256 = createHash('sha256');
  readonly #body = createHash('sha256');
  readonly #canonicalBody = new Canonical((bytes) => this.#body.update(bytes));
  #head: Buffer = Buffer.alloc(0);
  /** Length of the header in `#head`; -1 while its end was not seen. */
  #headerBytes = -1;
  #bodyFrom = 0;

  push(chunk: Buffer): void {
    this.#sha256.update(chunk);
    if (this.#headerBytes === -1) this.#gather(chunk);
    else this.#canonicalBody.push(chunk);
  }

  #gather(chunk: Buffer): void {
    this.#head = Buffer.concat([this.#head, chunk]);
    if (this.#head.length < headMaxBytes && headerEnd(this.#head) === -1) return;
    const end = headerEnd(this.#head.subarray(0, headMaxBytes));
    if (end === -1) this.#split(this.#head.length, 0);
    else this.#split(end, end);
  }

  /** The header, or all there is where no empty line ends one. */
  get header(): Buffer {
    return this.#headerBytes === -1 ? this.#head : this.#head.subarray(0, this.#headerBytes);
  }

  /** The digests; nothing may be pushed any more. */
  end(): Contents {
    // No empty line: nothing says where a header would end, so all of it counts as body.
    if (this.#headerBytes === -1) this.#split(this.#head.length, 0);
    this.#canonicalBody.end();
    const head = createHash('sha256');
    const canonical = new Canonical((bytes) => head.update(bytes));
    canonical.push(this.#head.subarray(0, this.#bodyFrom));
    canonical.end();
    return {
      sha256: this.#sha256.digest(),
      header: head.digest().subarray(0, digestBytes),
      body: this.#body.digest().subarray(0, digestBytes),
    };
  }

  #split(headerBytes: number, bodyFrom: number): void {
    this.#headerBytes = headerBytes;
    this.#bodyFrom = bodyFrom;
    this.#canonicalBody.push(this.#head.subarray(bodyFrom));
  }
}

/** The digests of a message that is read to its end. */
export async function contentsOf(message: AsyncIterable<Buffer>): Promise<Contents> {
  const reader = new ContentReader();
  for await (const chunk of message) reader.push(chunk);
  return reader.end();
}

/** Writes digests to a place of a larger buffer. */
export function packContents(contents: Contents, into: Buffer, offset: number): void {
  contents.sha256.copy(into, offset);
  contents.header.copy(into, offset + 32);
  contents.body.copy(into, offset + 48);
}

/** Reads them back, as views. */
export function unpackContents(from: Buffer, offset: number): Contents {
  return {
    sha256: from.subarray(offset, offset + 32),
    header: from.subarray(offset + 32, offset + 48),
    body: from.subarray(offset + 48, offset + contentsBytes),
  };
}
