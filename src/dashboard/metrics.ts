/**
 * /metrics for Prometheus: hosts and outcomes as labels, never accounts. Names follow
 * https://prometheus.io/docs/practices/naming/. This file owns prom-client.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { isRefusedCredential } from '../ground/errors.ts';
import type { Measured } from '../operations/measure.ts';

const outcomes = ['appended', 'duplicate', 'refused', 'vanished'] as const;

/** The metrics of one dashboard. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #described: { name: string; labels: readonly string[] }[] = [];
  /** What a counter said last, by its name and labels: a counter that fell would count as started anew. */
  readonly #highest = new Map<string, number>();
  readonly #messages = this.#counter('messages_total', 'Messages by how they ended, since the accounts are known.', [
    'host',
    'outcome',
  ]);
  readonly #bytes = this.#counter('message_bytes_total', 'Bytes of messages taken from and given to a host.', [
    'host',
    'direction',
  ]);
  readonly #failures = this.#counter('session_failures_total', 'Sessions that ended with an error, by its code.', [
    'host',
    'code',
  ]);
  readonly #logins = this.#counter('refused_logins_total', 'Sessions that ended because a login was refused.', [
    'host',
  ]);
  readonly #leases = this.#counter('lease_losses_total', 'Sessions that lost the lease of their login.', []);
  readonly #accounts = this.#gauge('accounts', 'Accounts by the state of their last run.', ['state']);
  readonly #runs = this.#gauge('open_runs', 'Runs that have not ended.', []);
  readonly #pending = this.#gauge('pending_messages', 'Messages that are listed and not settled.', []);
  readonly #sessions = this.#gauge('sessions', 'Sessions that run now, by kind.', ['kind']);
  readonly #jobs = this.#gauge('queue_jobs', 'Sessions that wait, for their turn or for their time, by kind.', [
    'kind',
    'state',
  ]);
  readonly #spool = this.#gauge('spool_bytes', 'Bytes in all spools that are served.', []);
  readonly #processes = this.#gauge('processes', 'Processes that are alive, by role.', ['role']);
  readonly #spoolLimit = this.#gauge('spool_limit_bytes', 'Bytes that all spools that are served may hold.', []);
  readonly #looked = this.#gauge(
    'scheduler_last_look_timestamp_seconds',
    'When a scheduler last looked what is due, in seconds since 1970; 0: there is none.',
    [],
  );
  readonly #ready = this.#gauge('ready', '1 while Redis, both kinds of workers and a scheduler are at work.', []);
  readonly #redisUp = this.#gauge('redis_up', '1 while Redis answers.', []);

  constructor() {
    // How late timers are is found by setting them: those of prom-client's 10 ms were most of what an idle service did.
    collectDefaultMetrics({ register: this.#registry, prefix: 'mailhaul_', eventLoopMonitoringPrecision: 50 });
  }

  /** All metrics of Mailhaul's own with their labels, those of its process aside. */
  static described(): readonly { readonly name: string; readonly labels: readonly string[] }[] {
    return new Metrics().#described;
  }

  /** The text of /metrics, and its content type. `measured` is undefined while Redis does not answer. */
  async text(measured: Measured | undefined): Promise<{ text: string; type: string }> {
    this.#redisUp.set(measured ? 1 : 0);
    this.#ready.set(measured?.ready ? 1 : 0);
    if (measured) this.#enter(measured);
    return { text: await this.#registry.metrics(), type: this.#registry.contentType };
  }

  #enter({ counted, processes, queues, failures, ...measured }: Measured): void {
    for (const [host, totals] of counted.hosts) {
      for (const outcome of outcomes) this.#raise(this.#messages, 'm', { host, outcome }, totals[outcome]);
      this.#raise(this.#bytes, 'b', { host, direction: 'download' }, totals.downloaded);
      this.#raise(this.#bytes, 'b', { host, direction: 'upload' }, totals.uploaded);
    }
    for (const { host, code, count } of failures) {
      this.#raise(this.#failures, 'f', { host, code }, count);
      if (isRefusedCredential(code)) this.#raise(this.#logins, 'r', { host }, count);
    }
    const losses = failures.filter(({ code }) => code === 'lease-lost');
    this.#raise(
      this.#leases,
      'l',
      {},
      losses.reduce((sum, { count }) => sum + count, 0),
    );
    for (const [state, count] of Object.entries(counted.accounts)) this.#accounts.set({ state }, count);
    for (const [kind, { active, waiting, delayed }] of Object.entries(queues)) {
      this.#sessions.set({ kind }, active);
      this.#jobs.set({ kind, state: 'waiting' }, waiting);
      this.#jobs.set({ kind, state: 'delayed' }, delayed);
    }
    this.#processes.reset();
    for (const role of processes.flatMap(({ roles }) => roles)) this.#processes.inc({ role });
    this.#runs.set(counted.openRuns);
    this.#pending.set(counted.messages.pending);
    this.#spool.set(measured.spoolBytes);
    this.#spoolLimit.set(measured.spoolLimitBytes);
    this.#looked.set(measured.lookedAt / 1000);
  }

  #raise(counter: Counter, name: string, labels: Record<string, string>, value: number): void {
    const key = JSON.stringify([name, labels]);
    const before = this.#highest.get(key) ?? 0;
    counter.inc(labels, Math.max(0, value - before));
    this.#highest.set(key, Math.max(before, value));
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    this.#described.push({ name: `mailhaul_${name}`, labels: labelNames });
    return new Counter({ name: `mailhaul_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    this.#described.push({ name: `mailhaul_${name}`, labels: labelNames });
    return new Gauge({ name: `mailhaul_${name}`, help, labelNames, registers: [this.#registry] });
  }
}
