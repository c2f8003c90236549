import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useRedis } from '../ledger/redis-rig.ts';
import { logIn } from './browser-rig.ts';
import { openRig } from './dashboard-rig.ts';

const redis = useRedis();
const script = `/* ${'x'.repeat(500)} */`;
let root: string;
let pageFolder: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mailhaul-page-'));
  pageFolder = join(root, 'dashboard');
  await mkdir(pageFolder);
  await writeFile(join(root, 'token'), 'outside');
  const write = (name: string, text: string | Buffer) => writeFile(join(pageFolder, name), text);
  await write('index.html', '<!doctype html><title>Mailhaul</title>');
  await write('app-ABCD1234.js', script);
  await write('app-ABCD1234.js.br', brotliCompressSync(script));
  await write('app-ABCD1234.js.gz', gzipSync(script));
  await write('app-ABCD1234.css', 'body { color: red }');
  await write('plain.svg', '<svg/>');
  await write('app-ABCD1234.js.map', '{}');
  await symlink(join(root, 'token'), join(pageFolder, 'link.js'));
});
afterAll(() => rm(root, { recursive: true }));

const open = async () => logIn(await openRig(await redis.another(), [], { pageFolder }));
const html = { accept: 'text/html' };

describe('the page', () => {
  it('is served to a browser that is logged in, never kept, with the policy of the page', async () => {
    const { status, headers, text } = await (await open()).ask('/', { headers: html });
    expect([status, text]).toEqual([200, '<!doctype html><title>Mailhaul</title>']);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
    expect(String(headers['content-security-policy']).split('; ').sort()).toEqual(
      [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
      ].sort(),
    );
  });

  it('is plain text for who asks for no HTML', async () => {
    const { headers, text } = await (await open()).ask('/');
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(text).toContain('accounts: ');
  });

  it('that was not built is said to be so', async () => {
    const { ask } = await logIn(await openRig(await redis.another(), []));
    const { status, text } = await ask('/', { headers: html });
    expect([status, text]).toEqual([503, expect.stringContaining('npm run build')]);
    expect((await ask('/')).status).toBe(200);
    expect((await ask('/assets/app-ABCD1234.js')).status).toBe(404);
  });
});

describe('its files', () => {
  it('come as the build compressed them, for a browser that accepts that', async () => {
    const { ask } = await open();
    const cases: [string, string | undefined][] = [
      ['', undefined],
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip', 'gzip'],
      ['br;q=0, gzip;q=0.5', 'gzip'],
      ['identity', undefined],
    ];
    for (const [accepted, encoding] of cases) {
      const { status, headers, text } = await ask('/assets/app-ABCD1234.js', {
        headers: { 'accept-encoding': accepted },
      });
      expect([status, headers['content-encoding']], accepted).toEqual([200, encoding]);
      expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
      expect(headers['vary']).toBe('accept-encoding');
      expect(headers['cache-control']).toBe('private, max-age=31536000, immutable');
      if (!encoding) expect(text).toBe(script);
    }
  });

  it('without a sibling or a digest in the name come as they are, and are not kept', async () => {
    const { ask } = await open();
    const css = await ask('/assets/app-ABCD1234.css', { headers: { 'accept-encoding': 'br' } });
    expect([css.text, css.headers['content-encoding']]).toEqual(['body { color: red }', undefined]);
    const { headers } = await ask('/assets/plain.svg');
    expect([headers['content-type'], headers['cache-control']]).toEqual(['image/svg+xml', 'no-store']);
  });

  it('are the only ones: no path leads anywhere else', async () => {
    const it = await openRig(await redis.another(), [], { pageFolder });
    const paths = [
      '/assets/../token',
      '/assets/..%2ftoken',
      '/assets/%2e%2e/token',
      '/assets/%2e%2e%2ftoken',
      '/assets/..%5ctoken',
      '/assets//etc/passwd',
      '/assets/%2fetc%2fpasswd',
      '/assets/app-ABCD1234.js%00.css',
      '/assets/link.js',
      '/assets/app-ABCD1234.js.map',
      '/assets/app-ABCD1234.js.br',
      '/assets/index.html',
      '/assets/__proto__',
      '/assets/',
    ];
    for (const path of paths) {
      const answer = await raw(it.dashboard.url, path, it.token);
      expect(answer, path).toMatch(/^HTTP\/1\.1 40[04] /);
      expect(answer, path).not.toContain('outside');
    }
  });
});

/** Sends the path as it is: node:http would mend it. */
function raw(url: string, path: string, token: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.once('end', () => resolve(text)).once('error', reject);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    );
  });
}
