/** The form that asks a browser for the token: plain HTML, which works without a script. */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MailhaulError } from '../ground/errors.ts';
import { statusOf } from './answers.ts';

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; background: Canvas; color: CanvasText; }
main { width: min(24rem, 100vw - 2rem); }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
form { display: grid; gap: .75rem; }
input[type=password] { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; border: 1px solid GrayText; border-radius: .25rem; }
button { font: inherit; font-weight: 600; padding: .6rem; border: 0; border-radius: .25rem; background: #1c5fb0; color: #fff; cursor: pointer; }
:focus-visible { outline: 3px solid #d97706; outline-offset: 2px; }
[role=alert] { border-left: .25rem solid #c2261f; padding: .25rem .75rem; }
small { color: light-dark(#555, #bbb); }
code { overflow-wrap: anywhere; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');

const headers = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  // With `no-referrer` a browser says `Origin: null` of its own form.
  'referrer-policy': 'same-origin',
  'content-type': 'text/html; charset=utf-8',
};

/** Where a browser may go on to after the login, as the form says it. */
export const destinations = { '': './', queues: 'queues/' } as const;

/** True for what a person asks for in a browser, and for nothing that a script of a page asks for. */
export function wantsPage({ method, headers: { accept = '' } }: FastifyRequest): boolean {
  return (method === 'GET' || method === 'HEAD' || method === 'POST') && accept.includes('text/html');
}

/** Answers with the form where that is what helps; false where it is not. Given `error`, the form says it. */
export function showLogin(error: unknown, request: FastifyRequest, reply: FastifyReply): boolean {
  if (!(error instanceof MailhaulError) || !wantsPage(request)) return false;
  const path = request.url.split('?')[0]!;
  const failed = request.method === 'POST';
  if (failed ? path !== '/login' : error.code !== 'token-refused' || path.startsWith('/api/')) return false;
  const status = statusOf(error);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  const { next: asked } = (request.body ?? {}) as { next?: unknown };
  const next = /^\/queues(\/|$)/.test(path) || (failed && asked === 'queues') ? 'queues' : '';
  reply
    .status(status)
    .headers(headers)
    .send(loginPage({ up: '../'.repeat(path.split('/').length - 2), next, message: failed ? messageOf(error) : '' }));
  return true;
}

function messageOf(error: MailhaulError): string {
  return error.code === 'token-refused' ? 'The service does not take this token.' : error.message;
}

function loginPage({ up, next, message }: { up: string; next: string; message: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · Mailhaul</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>Mailhaul</h1>
${message && `<p role="alert">${escaped(message)}</p>`}
<form method="post" action="${up}login">
<label for="token">Token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password" spellcheck="false" aria-describedby="hint">
<label><input name="steer" type="checkbox" value="on"> Allow steering (pause, retry, accept …)</label>
<input name="next" type="hidden" value="${next}">
<button>Log in</button>
<small id="hint">It stands in the file <code>token</code> in the data directory of the service, and in <code>token-look</code> for those who only look.</small>
</form>
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
