import { expect, it } from 'vitest';
import { exportNote } from '../../../src/dashboard/web/export-note.ts';

const note = (headers: Record<string, string>) => exportNote({ name: 'ann.zip', headers: new Headers(headers) });

it('says what a file lacks, which is not to be seen in it', () => {
  expect(note({ 'mailhaul-messages': '3' })).toBe('ann.zip was downloaded.');
  expect(note({ 'mailhaul-incomplete': 'connection-lost' })).toContain('It is not whole (connection-lost)');
  const counts = { 'mailhaul-unsure': '0', 'mailhaul-missing': '1', 'mailhaul-anonymous': '12' };
  expect(note(counts)).toBe(
    'ann.zip was downloaded. Not in it: 1 message not found at the destination, 12 messages without a UIDL.',
  );
});
