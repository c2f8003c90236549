/** Processor time and starts as Markdown. */
import { type CpuFigures, cpuBudgetLine } from './cpu.ts';
import { kinds } from './cpu-shares.ts';
import type { StartFigures } from './start-time.ts';
import { table } from './tables.ts';

const quickNote = 'Quick: the figures mean nothing.\n\n';

/** Where the processor time of the profiled run with the median share went. */
export function cpuText(cpu: CpuFigures, extent: 'full' | 'quick'): string {
  const sampled = kinds.reduce((sum, kind) => sum + cpu.kinds[kind], 0);
  const percent = (part: number, whole: number) => `${((part / whole) * 100).toFixed(1)} %`;
  const lines = kinds.map((kind) => {
    const seconds = cpu.kinds[kind];
    return [kind, seconds.toFixed(2), percent(seconds, sampled), ((seconds / cpu.messages) * 1e6).toFixed(0)];
  });
  const { what, budget, measured, met } = cpuBudgetLine(cpu);
  const all = cpu.programSeconds + cpu.redisSeconds;
  return [
    `### Where the processor time goes: ${cpu.scenario}, ${cpu.messages.toLocaleString('en')} messages, profiled\n`,
    `${extent === 'quick' ? quickNote : ''}${table(['work of the threads', 's', 'share', 'µs a message'], lines)}\n`,
    `CPU time: ${all.toFixed(2)} s, of which the process ${cpu.programSeconds.toFixed(2)} s and redis-server ${cpu.redisSeconds.toFixed(2)} s.`,
    ...(cpu.queueShares && cpu.queueShares.length > 1 ? [ofRuns(cpu.queueShares)] : []),
    `Without the profiler: ${cpu.userMsPerMessage.toFixed(3)} ms of user time a message, Redis included.\n`,
    `${table(['budget', 'limit', 'measured', ''], [[what, budget, `${measured.toFixed(1)} %`, met ? 'met' : 'NOT MET']])}\n`,
    '',
  ].join('\n');
}

function ofRuns(shares: readonly number[]): string {
  const list = shares.map((share) => (share * 100).toFixed(1)).join(', ');
  return `The run with the median share of ${shares.length}; queue and ledger work took ${list} % of them.`;
}

/** How long commands take to start. */
export function startText({ starts }: StartFigures, extent: 'full' | 'quick'): string {
  const ms = (seconds: number) => (seconds * 1000).toFixed(0);
  const lines = starts.map(({ what, runs, wallSeconds, userSeconds, systemSeconds }) => [
    what,
    String(runs),
    ms(wallSeconds),
    ms(userSeconds),
    ms(systemSeconds),
  ]);
  const head = ['start', 'runs', 'wall ms', 'user ms', 'sys ms'];
  return `### Start, medians\n\n${extent === 'quick' ? quickNote : ''}${table(head, lines)}\n\n`;
}
