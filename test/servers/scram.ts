/** SCRAM as a server does it (RFC 5802 §3), for the scripted POP3 server. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import type { PopBehaviour } from './scripted-pop3.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const ask = (text: string) => `+ ${base64(text)}\r\n`;

/** The server's side of SCRAM, with what it may get wrong. */
export function scram(
  hash: 'sha1' | 'sha256',
  { password = 'secret', rounds = 4096, nonce = '', proof = '', early = false, salt = base64('salt') } = {},
): NonNullable<PopBehaviour['sasl']> {
  return (_mechanism, [first = '', final, last]) => {
    const [, bare = '', mine = ''] = /^n,[^,]*,(n=.*,r=(.*))$/s.exec(first) ?? [];
    const challenge = `r=${nonce || `${mine}more`},s=${salt},i=${rounds}`;
    if (final === undefined) return early ? '+OK come in\r\n' : ask(challenge);
    const mac = (key: Buffer, data: string) => createHmac(hash, key).update(data).digest();
    const [, bareFinal = '', given = ''] = /^(.*),p=(.*)$/s.exec(final) ?? [];
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), rounds, hash === 'sha1' ? 20 : 32, hash);
    const message = `${bare},${challenge},${bareFinal}`;
    const clientKey = mac(salted, 'Client Key');
    const signature = mac(createHash(hash).update(clientKey).digest(), message);
    const wanted = Buffer.from(clientKey.map((byte, at) => byte ^ signature[at]!)).toString('base64');
    if (given !== wanted) return last === undefined ? ask('e=invalid-proof') : '-ERR no\r\n';
    if (last !== undefined) return '+OK in\r\n';
    return ask(`v=${proof || mac(mac(salted, 'Server Key'), message).toString('base64')}`);
  };
}
