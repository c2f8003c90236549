import { describe, expect, it } from 'vitest';
import { serviceLogForm } from '../../src/commands/common-options.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';

const settings = (more = {}) => ({ ...loadSettings({ env: {}, options: { dataDir: '/data' } }), ...more });
const form = (options = {}, more = {}, env = {}, isTerminal = true) =>
  serviceLogForm(settings(more), options, env, isTerminal);

describe('the log of the service', () => {
  it('is for people on a terminal, in colours unless somebody wants none', () => {
    expect(form()).toMatchObject({ level: 'info', pretty: { colour: true } });
    expect(form({ color: false })).toMatchObject({ pretty: { colour: false } });
    expect(form({}, {}, { NO_COLOR: '1' })).toMatchObject({ pretty: { colour: false } });
    expect(form({}, {}, { NO_COLOR: '' })).toMatchObject({ pretty: { colour: true } });
  });

  it('is JSON for programs, and where somebody says so', () => {
    expect(form({}, {}, {}, false).pretty).toBeUndefined();
    expect(form({ json: true }).pretty).toBeUndefined();
    expect(form({}, { logFormat: 'json' }).pretty).toBeUndefined();
    expect(form({ json: true }, { logFormat: 'pretty' }, {}, false)).toMatchObject({ pretty: { colour: false } });
  });

  it('begins with warnings where it is to be quiet, unless a level is named', () => {
    expect(form({ quiet: true })).toMatchObject({ level: 'warn' });
    expect(form({ quiet: true }, { logLevel: 'error' })).toMatchObject({ level: 'error' });
    expect(form({ quiet: true, logLevel: 'debug' }, { logLevel: 'debug' })).toMatchObject({ level: 'debug' });
  });

  it('has files of accounts only where they are wanted', () => {
    expect(form().accountFiles).toBeUndefined();
    expect(form({}, { logAccountFiles: true }).accountFiles).toMatchObject({ folder: '/data/logs' });
  });
});
