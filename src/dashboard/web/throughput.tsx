/** What is carried over time: a chart, and the same numbers as a table for who cannot see it. */

import { useState } from 'preact/hooks';
import type { Throughput } from '../../operations/answers/overview.ts';
import { Chart } from './chart.tsx';
import { type ChartData, chartData } from './chart-data.ts';
import { serviceNow } from './clock.ts';
import { bytes, fullInstant, rate, span } from './format.ts';
import { FaultBox } from './notices.tsx';
import { useThroughput } from './use-throughput.ts';

const hourMs = 3_600_000;
const ranges = [
  { name: '1 h', ms: hourMs },
  { name: '24 h', ms: 24 * hourMs },
  { name: '7 d', ms: 7 * 24 * hourMs },
] as const;
/** As wide as a screen can tell apart, and as long as somebody reads. */
const mostPoints = 360;
const mostLines = 24;

/** The section of the overview. */
export function ThroughputSection() {
  const [range, setRange] = useState<(typeof ranges)[number]>(ranges[0]);
  const { value, fault, reload } = useThroughput(range.ms);
  return (
    <section class="card wide" aria-labelledby="throughput">
      <div class="card-head">
        <h2 id="throughput">Throughput</h2>
        <fieldset class="choice">
          <legend class="unseen">Time that is shown</legend>
          {ranges.map((one) => (
            <label key={one.name}>
              <input type="radio" name="range" checked={one === range} onChange={() => setRange(one)} />
              <span>{one.name}</span>
            </label>
          ))}
        </fieldset>
      </div>
      {value ? (
        <Shown value={value} rangeMs={range.ms} />
      ) : fault ? (
        <FaultBox fault={fault} retry={reload} />
      ) : (
        <Waiting />
      )}
    </section>
  );
}

function Waiting() {
  return <div class="chart chart-empty loading">Loading …</div>;
}

function Shown({ value, rangeMs }: { value: Throughput; rangeMs: number }) {
  const now = serviceNow();
  const data = chartData(value, rangeMs, now, mostPoints);
  if (!data.messages.some((one) => one !== null)) {
    return (
      <div class="chart chart-empty">
        Nothing was measured in this time; the next point comes within {span(value.stepMs / 1000)}.
      </div>
    );
  }
  return (
    <>
      <p class="legend">
        <span class="key key-messages">messages a second</span>
        <span class="key key-bytes">bytes a second</span>
        <span class="muted">averages of {span(data.stepSeconds)}</span>
      </p>
      <Chart data={data} />
      <details>
        <summary>Numbers as a table</summary>
        <NumbersTable data={chartData(value, rangeMs, now, mostLines)} />
      </details>
    </>
  );
}

function NumbersTable({ data: { times, messages, bytes: octets, stepSeconds } }: { data: ChartData }) {
  const lines = times.map((at, index) => ({ at, messages: messages[index], octets: octets[index] })).reverse();
  return (
    <div class="scroll">
      <table>
        <caption class="unseen">Throughput, averages of {span(stepSeconds)}, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">from</th>
            <th scope="col" class="figure">
              messages/s
            </th>
            <th scope="col" class="figure">
              bytes/s
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.at}>
              <th scope="row">{fullInstant(line.at * 1000)}</th>
              <td class="figure">{line.messages == null ? 'not measured' : rate(line.messages)}</td>
              <td class="figure">{line.octets == null ? '' : bytes(line.octets)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
