import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from '../../src/dashboard/metrics.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import { RollCall } from '../../src/limits/roll-call.ts';
import { runStates } from '../../src/operations/census.ts';
import { measure } from '../../src/operations/measure.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { openRig } from './dashboard-rig.ts';

const read = (...path: string[]) => readFileSync(join(packageRoot(), ...path), 'utf8');
const page = read('docs', 'metrics.md');
const redis = useRedis();
/** What Prometheus adds to everything that it scrapes, and what Alertmanager has besides. */
const scraped = ['instance', 'job'];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const rules = (parse(read('config', 'prometheus-alerts.yaml')) as { groups: { name: string; rules: Rule[] }[] }).groups;
const alerts = rules.flatMap((group) => group.rules);
const grafana = JSON.parse(read('config', 'grafana-dashboard.json')) as {
  title: string;
  uid: string;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: unknown; definition?: string }[] };
};
const shown = grafana.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

/** What a query asks for: metrics, and labels with the values that are named; `faults` are what is no PromQL. */
function readQuery(query: string) {
  // Grafana puts these in before Prometheus sees the query.
  const text = query.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '6h');
  const found = {
    metrics: [] as string[],
    labels: [] as string[],
    values: [] as [string, string][],
    faults: [] as string[],
  };
  parser.parse(text).iterate({
    enter: (node) => {
      const said = text.slice(node.from, node.to);
      if (node.type.isError) found.faults.push(`${text.slice(0, node.from)}⟨here⟩${text.slice(node.from)}`);
      if (node.name === 'VectorSelector') found.metrics.push(/^\w+/.exec(said)?.[0] ?? '');
      if (node.name === 'LabelName') found.labels.push(said);
      const matcher = node.name === 'UnquotedLabelMatcher' ? /^(\w+)=~?"(.*)"$/.exec(said) : null;
      if (matcher) found.values.push([matcher[1]!, matcher[2]!]);
    },
  });
  return found;
}

/** Names and labels of all that /metrics has, those of the process included. */
async function known(): Promise<Map<string, Set<string>>> {
  const { text } = await new Metrics().text(undefined);
  const names = [...text.matchAll(/^# HELP (\w+) /gm)].map(([, name]) => [name!, new Set(scraped)] as const);
  const found = new Map<string, Set<string>>(names);
  for (const { name, labels } of Metrics.described()) found.set(name, new Set([...labels, ...scraped]));
  return found;
}

const queries = [
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
  ...shown.map(({ title, expr }) => [title, expr] as const),
];

describe('each query of the alerts and of the Grafana dashboard', () => {
  it.each(queries)('%s', async (_name, query) => {
    const { metrics, labels, values, faults } = readQuery(query);
    expect(faults).toEqual([]);
    expect(metrics.length).toBeGreaterThan(0);
    const there = await known();
    for (const metric of metrics) expect([...there.keys()]).toContain(metric);
    const allowed = new Set(metrics.flatMap((metric) => [...there.get(metric)!]));
    for (const label of labels) expect([...allowed]).toContain(label);
    for (const [label, value] of values) if (label === 'state') expect(runStates).toContain(value);
  });

  it('would be found at fault', () => {
    expect(readQuery('max(mailhaul_ready').faults).not.toEqual([]);
    expect(readQuery('sum by (host) (rate(x_total[5m]))')).toMatchObject({ metrics: ['x_total'], labels: ['host'] });
    expect(readQuery('x{state="running"}').values).toEqual([['state', 'running']]);
  });
});

describe('the alerts', () => {
  it('have names that are theirs, a severity, and words for a person', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    expect(alerts.length).toBeGreaterThan(10);
    for (const rule of alerts) {
      expect(Object.keys(rule).sort()).toEqual(
        ['alert', 'annotations', 'expr', ...(rule.for === undefined ? [] : ['for']), 'labels'].sort(),
      );
      expect(rule.alert).toMatch(/^Mailhaul[A-Z]\w+$/);
      expect(rule.for ?? '1m').toMatch(/^\d+[mh]$/);
      expect(['critical', 'warning', 'info']).toContain(rule.labels['severity']);
      expect(Object.keys(rule.annotations)).toEqual(['summary', 'description', 'runbook']);
      for (const text of Object.values(rule.annotations)) expect(text.length).toBeGreaterThan(10);
    }
  });

  it('have a part of docs/metrics.md each, and no other has', () => {
    const headings = [...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(alerts.map(({ alert }) => alert));
    for (const { alert, annotations } of alerts) {
      expect(annotations['runbook']).toBe(`docs/metrics.md#${alert.toLowerCase()}`);
    }
  });
});

describe('the Grafana dashboard', () => {
  it('asks whatever Prometheus is chosen, for the hosts that are chosen', () => {
    expect(grafana).toMatchObject({ title: 'Mailhaul', uid: 'mailhaul' });
    expect(grafana.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['host', 'query'],
    ]);
    for (const { type, datasource } of grafana.panels) {
      if (type !== 'row') expect(datasource?.uid).toMatch(/^\$\{datasource\}$/);
    }
    const named = queries.flatMap(([, query]) => [...query.matchAll(/\$(\w+)/g)].map(([, name]) => name));
    expect([...new Set(named)].sort()).toEqual(['__range', '__rate_interval', 'host']);
  });

  it('has panels that do not cover each other, each with its own id and something to show', () => {
    const { panels } = grafana;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = new Set<string>();
    for (const { type, title, targets = [], gridPos } of panels) {
      expect(type === 'row' ? 1 : targets.length, title).toBeGreaterThan(0);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(cells.has(`${x},${y}`), title).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
  });

  it('shows every metric that Mailhaul has of its own', () => {
    const asked = new Set(shown.flatMap(({ expr }) => readQuery(expr).metrics));
    for (const { name } of Metrics.described()) expect([...asked]).toContain(name);
  });
});

describe('docs/metrics.md', () => {
  it('lists the metrics that there are with their types and labels, and no other', async () => {
    const rows = [...page.matchAll(/^\| `(mailhaul_\w+)` \| (\w+) \| ([^|]*) ?\|/gm)];
    const listed = rows.map(([, name, , labels]) => ({
      name,
      labels: [...labels!.matchAll(/`(\w+)`/g)].map((match) => match[1]),
    }));
    expect(listed).toEqual(Metrics.described());
    const { ask } = await openRig(await redis.another(), []);
    const { text } = await ask('/metrics', { token: null });
    for (const [, name, type] of rows) expect(text).toContain(`\n# TYPE ${name} ${type}\n`);
    for (const [, name] of page.matchAll(/`(mailhaul_\w+)`/g)) expect(text).toContain(`# TYPE ${name} `);
  });
});

describe('what is measured', () => {
  const counted = {
    accounts: Object.fromEntries(runStates.map((state) => [state, 0])),
    openRuns: 0,
    messages: { pending: 0 },
    hosts: new Map(),
  };
  const census = { counted: async () => counted } as unknown as Parameters<typeof measure>[0]['census'];
  const settings = { metricsMs: 0, schedulerLateMs: 60_000 };

  /** The value of a metric without labels, with these processes alive. */
  async function value(metric: string, says: readonly Parameters<typeof RollCall.begin>[2][]): Promise<number> {
    const { client } = await redis.another();
    const calls = await Promise.all(says.map((say) => RollCall.begin(client, 60_000, say)));
    const queues = { depth: async () => ({ active: 0, waiting: 0, delayed: 0 }) };
    const { text } = await new Metrics().text(await measure({ redis: client, queues, census, settings }, Date.now()));
    for (const call of calls) await call.end();
    return Number(new RegExp(`^${metric} (.*)$`, 'm').exec(text)?.[1]);
  }

  const workers = (spool: string, spoolLimitBytes: number) => () => ({
    roles: ['pop', 'imap'],
    spool,
    spoolBytes: 5,
    spoolLimitBytes,
    tickedAt: 0,
  });
  const scheduler = (tickedAt: number) => () => ({ roles: ['scheduler'], spool: '', spoolBytes: 0, tickedAt });

  it('counts the limit of a spool once, however many processes serve it', async () => {
    const says = [workers('a', 100), workers('a', 100), workers('b', 50), scheduler(Date.now())];
    expect(await value('mailhaul_spool_limit_bytes', says)).toBe(150);
    expect(await value('mailhaul_spool_bytes', says)).toBe(10);
  });

  it('knows when a scheduler last looked, and that there is none', async () => {
    const says = [scheduler(1_700_000_000_500), scheduler(1_700_000_000_000), workers('a', 1)];
    expect(await value('mailhaul_scheduler_last_look_timestamp_seconds', says)).toBe(1_700_000_000.5);
    expect(await value('mailhaul_scheduler_last_look_timestamp_seconds', [workers('a', 1)])).toBe(0);
  });

  it('is ready with workers and a scheduler that has looked of late, and only then', async () => {
    expect(await value('mailhaul_ready', [workers('a', 1), scheduler(Date.now())])).toBe(1);
    expect(await value('mailhaul_ready', [workers('a', 1), scheduler(Date.now() - 120_000)])).toBe(0);
    expect(await value('mailhaul_ready', [scheduler(Date.now())])).toBe(0);
    expect((await new Metrics().text(undefined)).text).toContain('\nmailhaul_ready 0\n');
  });
});
