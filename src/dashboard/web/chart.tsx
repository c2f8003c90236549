/** The chart itself. This file owns uPlot. */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { useCell } from './cell.ts';
import { type ChartData, lonely } from './chart-data.ts';
import { bytes, fullInstant, rate } from './format.ts';
import { theme } from './theme.ts';

const height = 230;

/** Messages and bytes a second over time, each with its own scale. */
export function Chart({ data }: { data: ChartData }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const chosen = useCell(theme);
  const dark = useDarkSystem();
  useEffect(() => {
    const box = place.current!;
    const made = new uPlot(optionsFor(box), aligned(data), box);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [chosen, dark]);
  useEffect(() => plot.current?.setData(aligned(data)), [data]);
  return (
    <div
      class="chart"
      ref={place}
      role="img"
      aria-label="Chart of messages and bytes a second; the numbers stand in the table below."
    />
  );
}

function aligned({ times, messages, bytes: octets }: ChartData): uPlot.AlignedData {
  return [times, messages, octets];
}

function optionsFor(box: HTMLElement): uPlot.Options {
  const colour = (name: string) => resolved(box, `var(--${name})`);
  const font = `11px ${getComputedStyle(box).fontFamily}`;
  const axis = { stroke: colour('muted'), font, ticks: { show: false }, border: { show: false } };
  const grid = { stroke: colour('line'), width: 1 };
  const narrow = box.clientWidth < 480;
  return {
    width: box.clientWidth,
    height,
    legend: { show: true, live: true },
    hooks: { setLegend: [({ root, legend }) => root.classList.toggle('idle', legend.idx == null)] },
    cursor: { y: false, points: { size: 6 }, drag: { setScale: false, x: false, y: false } },
    scales: { messages: { range: fromZero(1) }, bytes: { range: fromZero(1000) } },
    series: [
      { value: (_, at) => (at === null ? '' : fullInstant(at * 1000)) },
      {
        label: 'messages/s',
        scale: 'messages',
        stroke: colour('accent'),
        fill: colour('accent-soft'),
        width: 1.5,
        points: dots,
        value: (_, value) => (value === null ? '' : rate(value)),
      },
      {
        label: 'bytes/s',
        scale: 'bytes',
        stroke: colour('second'),
        width: 1.5,
        dash: [5, 4],
        points: dots,
        value: (_, value) => (value === null ? '' : bytes(value)),
      },
    ],
    axes: [
      { ...axis, size: 30, grid: { show: false }, space: narrow ? 60 : 80, values: clockLabels },
      { ...axis, scale: 'messages', grid, size: narrow ? 40 : 52, values: (_, ticks) => ticks.map(rate) },
      {
        ...axis,
        scale: 'bytes',
        side: 1,
        grid: { show: false },
        size: narrow ? 60 : 66,
        values: (_, ticks) => ticks.map(bytes),
      },
    ],
  };
}

/** A point with gaps on both sides is a dot; the others are joined by lines. */
const dots: uPlot.Series.Points = {
  show: false,
  size: 5,
  filter: ({ data }, series) => lonely(data[series] as (number | null)[]),
};

/** Nothing is below zero, and a flat line at zero is at the bottom, of a scale until `least`. */
function fromZero(least: number): uPlot.Range.Function {
  return (_, __, high) => [0, high === null || high <= 0 ? least : high * 1.1];
}

/** Times of day, and the date where a day begins. */
function clockLabels(_: uPlot, ticks: number[]): string[] {
  return ticks.map((at) => {
    const time = new Date(at * 1000);
    const [hours, minutes] = [time.getHours(), time.getMinutes()];
    if (hours === 0 && minutes === 0) return time.toLocaleDateString(undefined, { day: 'numeric', month: 'short' });
    return `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
  });
}

/** A canvas does not know variables of CSS: the browser is asked what they come to. */
function resolved(box: HTMLElement, colour: string): string {
  const probe = document.createElement('span');
  probe.style.color = colour;
  box.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function useDarkSystem(): boolean {
  const media = useRef(matchMedia('(prefers-color-scheme: dark)'));
  const [dark, setDark] = useState(media.current.matches);
  useEffect(() => {
    const list = media.current;
    const changed = () => setDark(list.matches);
    list.addEventListener('change', changed);
    return () => list.removeEventListener('change', changed);
  }, []);
  return dark;
}
