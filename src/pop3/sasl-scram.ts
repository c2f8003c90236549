/** SCRAM (RFC 5802, RFC 7677): the password stays here, and the server proves that it knows it too. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { printable } from '../ground/errors.ts';
import type { PopConnection } from './connection.ts';
import type { SaslDialogue, SaslRefusal } from './sasl-exchange.ts';
import { saslPrep } from './sasl-prep.ts';

/** The hash functions that the names of the mechanisms stand for, with their lengths in bytes. */
const hashes = { 'SCRAM-SHA-1': ['sha1', 20], 'SCRAM-SHA-256': ['sha256', 32] } as const;
/** Enough for the salt of any server; more would only be work. */
const mostSaltBytes = 1024;
const derive = promisify(pbkdf2);

/** The mechanisms of this family. */
export type ScramName = keyof typeof hashes;

/** RFC 5802 §5.1: a comma or an equals sign in a name would end it. */
export function saslName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C');
}

/** What the proofs of both sides come to. */
interface Proofs {
  readonly client: string;
  readonly server: Buffer;
}

/** One login by SCRAM, without channel binding. */
export class Scram implements SaslDialogue {
  readonly name: ScramName;
  readonly initialIsPublic = true;
  refusal: SaslRefusal | undefined;
  readonly #connection: PopConnection;
  readonly #header: string;
  readonly #nonce: string;
  readonly #bare: string;
  #proofs: Proofs | undefined;
  #proven = false;

  /** @param nonce for tests: printable ASCII without a comma */
  constructor(name: ScramName, connection: PopConnection, nonce = randomBytes(24).toString('base64')) {
    const { user, authzUser } = connection.endpoint;
    this.name = name;
    this.#connection = connection;
    this.#nonce = nonce;
    // RFC 5802 §7: n for a client without channel binding, and whose maildrop it is where that is not the user's.
    this.#header = `n,${authzUser ? `a=${saslName(saslPrep(authzUser))}` : ''},`;
    this.#bare = `n=${saslName(saslPrep(user))},r=${nonce}`;
  }

  get initial(): string {
    return this.#header + this.#bare;
  }

  get finished(): boolean {
    return this.#proofs !== undefined;
  }

  async respond(challenge: Buffer): Promise<string> {
    const text = challenge.toString('utf8');
    if (this.#proofs !== undefined) return this.#hearProof(text);
    this.#proofs = await this.#prove(text);
    return this.#proofs.client;
  }

  verify(): void {
    if (!this.#proven) throw this.#unproven('it let the user in without a proof');
  }

  async #prove(first: string): Promise<Proofs> {
    const { endpoint, options } = this.#connection;
    // RFC 5802 §7: r, s and i in this order; a mandatory extension (m) before them is not known here.
    const [, nonce = '', salt = '', count = ''] =
      /^r=([\x21-\x2b\x2d-\x7e]+),s=([^,]+),i=([1-9]\d{0,9})(?:,|$)/.exec(first) ?? [];
    const fails = (reason: string) =>
      this.#connection.error('protocol-error', { during: `AUTH ${this.name}`, reply: reason });
    if (nonce === '') throw fails(`no challenge of SCRAM: ${printable(first, 80)}`);
    // RFC 5802 §5.1: it must begin with ours, or the challenge is of another login.
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) throw this.#unproven('its nonce is not new');
    const limit = options.popScramMaxIterations;
    if (Number(count) > limit) throw fails(`it asks for ${count} iterations, popScramMaxIterations allows ${limit}`);
    const saltBytes = Buffer.from(salt, 'base64');
    if (saltBytes.length === 0 || saltBytes.length > mostSaltBytes) throw fails('a salt of no use');
    const [hash, length] = hashes[this.name];
    const salted = await derive(saslPrep(endpoint.password), saltBytes, Number(count), length, hash);
    const mac = (key: Buffer, data: string) => createHmac(hash, key).update(data).digest();
    const clientKey = mac(salted, 'Client Key');
    const storedKey = createHash(hash).update(clientKey).digest();
    const bareFinal = `c=${Buffer.from(this.#header).toString('base64')},r=${nonce}`;
    const message = `${this.#bare},${first},${bareFinal}`;
    const signature = mac(storedKey, message);
    const proof = clientKey.map((byte, at) => byte ^ signature[at]!);
    return {
      client: `${bareFinal},p=${Buffer.from(proof).toString('base64')}`,
      server: mac(mac(salted, 'Server Key'), message),
    };
  }

  // RFC 5802 §7: v is the proof of the server, e why there is none; -ERR follows then.
  #hearProof(text: string): string {
    const [, kind, value = ''] = /^([ve])=([^,]*)/.exec(text) ?? [];
    if (kind === 'e') {
      this.refusal = { text: printable(value, 80), blames: value === 'other-error' ? 'server' : 'secret' };
      return '';
    }
    const given = Buffer.from(kind === 'v' ? value : '', 'base64');
    const { server } = this.#proofs!;
    if (given.length !== server.length || !timingSafeEqual(given, server)) throw this.#unproven('its proof is wrong');
    this.#proven = true;
    return '';
  }

  #unproven(reason: string) {
    return this.#connection.error('server-unproven', { mechanism: this.name, reason });
  }
}
