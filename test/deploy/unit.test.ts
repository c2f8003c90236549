/** config/mailhaul.service: as systemd reads it, and against the program. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { errorRow } from '../../src/ground/errors.ts';
import { HaulRig } from '../flow/haul-rig.ts';
import { commandFaults, variableFaults } from './built-program.ts';
import { durationMs } from './compose-file.ts';
import { blocksOf } from './pages.ts';
import { readUnit, unitLines } from './units.ts';

const unit = 'config/mailhaul.service';
const lines = new Map(unitLines(unit));
const dropIns = blocksOf('docs/several-hosts.md').filter(({ path }) => path.includes('mailhaul.service.d/'));
const analyze = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const version = Number(/^systemd (\d+)/.exec(analyze.stdout ?? '')?.[1] ?? 0);

let rig: HaulRig;
beforeEach(async () => {
  rig = await HaulRig.make();
});
afterEach(() => rig.end());

/** The unit in a folder, started by the Node.js of this machine, with drop-ins. */
async function unitFolder(parts: readonly string[] = []): Promise<string> {
  const folder = await rig.folder();
  const path = join(folder, 'mailhaul.service');
  writeFileSync(path, readFileSync(unit, 'utf8').replace('/usr/bin/node', process.execPath));
  mkdirSync(`${path}.d`);
  for (const [at, text] of parts.entries()) writeFileSync(join(`${path}.d`, `${at}.conf`), text);
  return path;
}

describe('the unit', () => {
  // Without systemd (version 250 knows credentials) nobody can say whether it is a unit; Debian's package has it.
  test.skipIf(version < 250)('is one that systemd understands, with the drop-ins of the page', async () => {
    const verify = (path: string) => spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    expect(dropIns).toHaveLength(2);
    for (const parts of [[], ...dropIns.map(({ text }) => [text])]) {
      const { status, stderr } = verify(await unitFolder(parts));
      expect(stderr).toBe('');
      expect(status).toBe(0);
    }
    expect(verify(await unitFolder(['[Service]\nProtectSistem=strict\n'])).stderr).toContain('ProtectSistem');
  });

  test.skipIf(version < 250)('leaves the service little to do harm with', async () => {
    const exposure = (path: string) =>
      spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=15', '--no-pager', path]).status;
    expect(exposure(await unitFolder())).toBe(0);
    expect(exposure(await unitFolder(['[Service]\nProtectSystem=no\nNoNewPrivileges=no\n']))).not.toBe(0);
  });

  test('starts what the program has, with every set of roles', async () => {
    for (const parts of [[], ...dropIns.map(({ text }) => [text])]) {
      const { command, environment } = readUnit(await unitFolder(parts));
      expect(command.slice(1, 3)).toEqual(['/opt/mailhaul/dist/src/cli.js', 'start']);
      expect(existsSync(command[1]!.replace('/opt/mailhaul/', ''))).toBe(true);
      expect(commandFaults(command.slice(2))).toEqual([]);
      expect(variableFaults(Object.keys(environment))).toEqual([]);
      expect(command.includes('/etc/mailhaul/accounts.csv')).toBe(environment['LIST'] !== '');
    }
  });

  test('has the directories that its command line names, and a page that is there', () => {
    const { command } = readUnit(unit);
    expect(command[command.indexOf('--data-dir') + 1]).toBe(`/var/lib/${lines.get('StateDirectory')}`);
    expect(existsSync(lines.get('Documentation')!.replace('file:///opt/mailhaul/', ''))).toBe(true);
    expect(lines.get('ProtectSystem')).toBe('strict');
  });

  test('gives the program the time that it takes to stop, and does not repeat what cannot succeed', () => {
    const defaults = parse(readFileSync('config/default.yaml', 'utf8')) as Record<string, number>;
    const stop = durationMs(lines.get('TimeoutStopSec')!);
    expect(stop).toBeGreaterThan(defaults['stopWithinMs']!);
    const never = (['usage', 'settings-invalid', 'instance-running'] as const).map((code) => errorRow(code).exit);
    expect(lines.get('RestartPreventExitStatus')!.split(' ').map(Number)).toEqual(never);
    // The engine of Node.js writes machine code, so this one may not be there.
    expect(lines.has('MemoryDenyWriteExecute')).toBe(false);
    // No sign of life comes while Redis is away; the service ends by itself before it is killed for that.
    expect(durationMs(lines.get('WatchdogSec')!)).toBeGreaterThan(defaults['redisLostAfterMs']!);
    expect(lines.get('ExecReload')).toBe('/bin/kill -HUP $MAINPID');
    expect(lines.get('Type')).toBe('notify');
    expect(lines.get('NotifyAccess')).toBe('all');
  });
});
