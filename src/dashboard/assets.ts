/** The files of the web page, as the build left them. */
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};
/** Compressed siblings of a file, the smallest first. */
const encodings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;
/** A name that holds a digest of what is in the file. */
const hashedName = /[-.][A-Za-z0-9]{8,}\.\w+$/;

/** The files of one folder, as they were when it was looked at: what is not among them does not exist, whatever a path says. */
export class Assets {
  readonly #files: ReadonlyMap<string, string>;

  /** A folder that does not exist has no files. */
  constructor(folder: string) {
    const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    this.#files = new Map(paths.map((path) => [relative(folder, path).replaceAll(sep, '/'), path]));
  }

  /** True when there is such a file. */
  has(name: string): boolean {
    return this.#files.has(name);
  }

  /** Answers with a file, or that there is none that is meant to be served. */
  async send(name: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const type = types[extname(name)];
    if (type === undefined || !this.#files.has(name)) {
      reply.callNotFound();
      return reply;
    }
    const accepted = acceptedEncodings(request.headers['accept-encoding']);
    const encoding = encodings.find(([coding, ending]) => accepted.has(coding) && this.#files.has(`${name}${ending}`));
    if (encoding) reply.header('content-encoding', encoding[0]);
    if (hashedName.test(name)) reply.header('cache-control', 'private, max-age=31536000, immutable');
    const path = this.#files.get(`${name}${encoding?.[1] ?? ''}`)!;
    return reply
      .header('vary', 'accept-encoding')
      .type(type)
      .send(await readFile(path));
  }
}

/** Adds the route of the files beside the page. */
export function addAssets(server: FastifyInstance, assets: Assets): void {
  server.get<{ Params: { '*': string } }>('/assets/*', async (request, reply) => {
    const name = request.params['*'];
    return assets.send(extname(name) === '.html' ? '' : name, request, reply);
  });
}

function acceptedEncodings(header: string | undefined): Set<string> {
  const parts = String(header ?? '').split(',');
  const wanted = parts.filter((part) => !/;\s*q=0(\.0*)?\s*$/.test(part));
  return new Set(wanted.map((part) => part.split(';')[0]!.trim().toLowerCase()));
}
