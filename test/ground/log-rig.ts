/** A log whose lines can be read as soon as they are written, since those of an account go to its file at once. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createLog, type Log } from '../../src/ground/log.ts';
import { type TraceOptions, traceOf } from '../../src/ground/protocol-trace.ts';

/** A directory that goes with the test. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mailhaul-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A log of one account. */
export function accountLog(): { log: Log; text(): string; lines(): Record<string, unknown>[] } {
  const folder = testFolder();
  const log = createLog({
    level: 'info',
    destination: '/dev/null',
    accountFiles: { folder, maxBytes: 1e9, openMax: 4 },
  });
  const text = () => readFileSync(join(folder, 'ann.log'), 'utf8');
  const lines = () =>
    text()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log: log.child({ account: 'ann', run: 'r1' }), text, lines };
}

/** The trace of one side of that account, and what is in it, as `> command` and `< answer`. */
export function tracing(side: 'source' | 'destination', maxLength = 500) {
  const { log, text, lines } = accountLog();
  const settings = { protocolTrace: 'commands', protocolTraceMaxLength: maxLength } as const;
  const trace: TraceOptions = traceOf(log, { account: 'ann', side, host: 'mail.example' }, settings)!;
  const talk = () => lines().map(({ direction, line }) => `${direction === 'sent' ? '>' : '<'} ${String(line)}`);
  return { trace, text, lines, talk };
}
