/** A result as one page that opens from disk: nothing is loaded, nothing runs, light or dark as the reader has it. */

import type { Result, Sample, Table } from '../run/result.ts';
import { ms, number, offenceLine } from '../run/verdict.ts';
import { COLOURS, escapeText, plot, type Series } from './plot.ts';

const GIB = 2 ** 30;

const style = `
:root{color-scheme:light dark;--fg:#1d2126;--soft:#5d6670;--bg:#fff;--line:#dfe3e8;--good:#12733a;--bad:#b3261e;
--c0:#2563c9;--c1:#d9730d;--c2:#12733a;--c3:#9333b5;--c4:#0e8a96;--c5:#b3261e;--c6:#7a5c12;--c7:#7b8794}
@media(prefers-color-scheme:dark){:root{--fg:#e6e9ed;--soft:#9aa4af;--bg:#14171b;--line:#2d333b;--good:#4cc97a;--bad:#ff7b72;
--c0:#74a7ff;--c1:#ffa657;--c2:#4cc97a;--c3:#d59bf0;--c4:#4fd3e0;--c5:#ff7b72;--c6:#d8b45a;--c7:#aab4be}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:1360px;margin:0 auto;padding:24px}
h1{font-size:24px;margin:0}h2{font-size:18px;margin:32px 0 8px}p{margin:4px 0}.soft,figcaption{color:var(--soft)}
.verdict{font-size:18px;font-weight:600;margin:12px 0}.good{color:var(--good)}.bad{color:var(--bad)}
.plots{display:grid;margin-top:24px;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:24px}figure{margin:0}svg{width:100%;height:auto}
text{font:11px system-ui,sans-serif;fill:var(--soft)}.y{text-anchor:end;dominant-baseline:middle}.x{text-anchor:middle}.unit{text-anchor:end}
.grid{stroke:var(--line)}path{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
${Array.from({ length: COLOURS }, (_, i) => `.s${i}{stroke:var(--c${i})}.b${i}{background:var(--c${i})}`).join('')}
.legend span{margin-right:16px}.legend i{display:inline-block;width:12px;height:3px;margin-right:6px;vertical-align:middle}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{text-align:left;padding:4px 24px 4px 0;border-bottom:1px solid var(--line)}
code{font-size:13px;overflow-wrap:anywhere}`;

export function pageOf(result: Result): string {
  const { options, offences } = result;
  const verdict = result.isClean
    ? '<p class="verdict good">Clean: 0 missing, 0 repeated, 0 out of order, 0 late, 0 unexplained disconnects.</p>'
    : `<p class="verdict bad">Not clean${result.cutShort ? `: ${escapeText(result.cutShort)}` : ''}.</p>`;
  const first = offences[0] ? `<p class="bad">First offence: ${escapeText(offenceLine(offences[0]))}</p>` : '';
  const limit = result.tester.limit ? `<p class="bad">${escapeText(result.tester.limit)}</p>` : '';
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${number(options.streams)} streams</title><style>${style}</style>
<h1>${number(options.streams)} streams, ${number(options.channels)} channels, ${number(options.ratePerS)} changes per second</h1>
<p class="soft">${escapeText(`${result.startedAt} · ${result.machine} · Node ${result.node} · seed ${options.seed}`)}</p>
${verdict}${first}${limit}
${table(summary(result))}
<div class="plots">${plots(result)}</div>
${result.tables.map(table).join('\n')}
${offences.length > 0 ? table(offenceTable(result)) : ''}
<h2>How to read this</h2>
<p>Latency runs from the moment a change was due by the schedule to the arrival of its event at each stream of its channel, whether or not the changes before it had been answered. Events that a stream missed while it was away on purpose are counted apart, from its reopening.</p>
<p>Every accepted change was checked off at every stream of its channel: each stream's offsets must follow each other, all streams must get the same bytes at an offset, and one stream per channel is told whose change each event is.</p>
<p>Changes are sent over a pool of ${number(options.connections)} keep-alive connections. A real phone shares one HTTP/2 connection for both directions, which costs an edge more than this.</p>
</html>
`;
}

function summary(result: Result): Table {
  const { counts, latency, post, catchUp, tester, offenceCounts } = result;
  const times = (of: typeof latency) =>
    `p50 ${ms(of.p50Ms)} · p90 ${ms(of.p90Ms)} · p99 ${ms(of.p99Ms)} · p99.9 ${ms(of.p999Ms)} · max ${ms(of.maxMs)}`;
  const rows = [
    [
      'Streams',
      `${number(counts.opened)} opened in ${result.openS.toFixed(1)} s, ${number(counts.open)} open at the end`,
    ],
    [
      'Changes',
      `${number(counts.accepted)} accepted of ${number(counts.due)} due in ${result.loadS.toFixed(1)} s, ${number(counts.resent)} sent again`,
    ],
    [
      'Events',
      `${number(counts.received)} received of ${number(counts.owed)} owed; ${number(result.missingDeliveries)} missing`,
    ],
    ['Latency', times(latency)],
    ['POST to 204', times(post)],
    [
      'Disconnects',
      `${number(offenceCounts.disconnected ?? 0)} unexplained, ${number(counts.announced)} announced, ${number(counts.early)} before the load`,
    ],
    [
      'Reconnects',
      `${number(counts.cut)} cut on purpose, ${number(counts.resumed)} resumed, ${number(counts.repeatedAfterResume)} events sent again`,
    ],
    ...(catchUp.count > 0 ? [['Caught up', times(catchUp)]] : []),
    [
      'Generator',
      `${tester.processes} processes, ${tester.sources} source addresses, ${tester.cpu.toFixed(2)} of ${tester.cores} cores (busiest ${tester.busiestCpu.toFixed(2)}; machine ${tester.machineCpu.toFixed(2)}), ` +
        `${number(tester.memoryBytes / 2 ** 20)} MiB${tester.bytesPerStream === null ? '' : `, ${number(tester.bytesPerStream)} bytes a stream`}; own delay p99 ${ms(tester.delay.p99Ms)}, max ${ms(tester.delay.maxMs)}`,
    ],
  ];
  return { title: 'Summary', head: [], rows };
}

function offenceTable({ offences, offenceCounts }: Result): Table {
  const counted = Object.entries(offenceCounts).map(([kind, count]) => `${number(count)} ${kind}`);
  return {
    title: `Offences: ${counted.join(', ')}`,
    head: ['first of them'],
    rows: offences.map((one) => [offenceLine(one)]),
  };
}

function plots({ samples, latencyBuckets }: Result): string {
  const over = (name: string, y: (sample: Sample) => number | null): Series => ({
    name,
    points: samples.map((sample) => [sample.atS, y(sample)] as const),
  });
  const parts = [...new Set(samples.flatMap(({ memory }) => Object.keys(memory)))].filter(
    (part) => part !== 'available',
  );
  const xUnit = 'seconds';
  const all = [
    plot({
      title: 'Latency over time',
      unit: 'ms',
      xUnit,
      isLogarithmic: true,
      series: [
        over('p50', ({ latency }) => latency?.p50Ms ?? null),
        over('p99', ({ latency }) => latency?.p99Ms ?? null),
        over('max', ({ latency }) => latency?.maxMs ?? null),
        over('POST p99', ({ postP99Ms }) => postP99Ms),
      ],
    }),
    plot({
      title: 'Latency that a share of events exceeds',
      unit: '% of events',
      xUnit: 'ms',
      isLogarithmic: true,
      isLogarithmicX: true,
      series: [{ name: 'events', points: exceeded(latencyBuckets) }],
    }),
    plot({ title: 'Open streams', unit: 'streams', xUnit, series: [over('open', ({ open }) => open)] }),
    plot({
      title: 'Rates',
      unit: 'per second',
      xUnit,
      series: [
        over('events received', ({ receivedPerS }) => receivedPerS),
        over('changes accepted', ({ sentPerS }) => sentPerS),
      ],
    }),
    plot({
      title: 'Memory',
      unit: 'GiB',
      xUnit,
      series: parts.map((part) =>
        over(part === 'tester' ? 'generator' : part, ({ memory }) =>
          memory[part] === undefined ? null : memory[part] / GIB,
        ),
      ),
    }),
    plot({
      title: 'Free memory of the machine',
      unit: 'GiB',
      xUnit,
      series: [over('available', ({ memory }) => (memory.available ?? 0) / GIB)],
    }),
    plot({
      title: 'CPU',
      unit: 'cores',
      xUnit,
      series: [over('generator', ({ testerCpu }) => testerCpu), over('machine', ({ machineCpu }) => machineCpu)],
    }),
    plot({
      title: "The generator's own delay, p99",
      unit: 'ms',
      xUnit,
      series: [over('timers late by', ({ delayP99Ms }) => delayP99Ms)],
    }),
    plot({
      title: 'Errors',
      unit: 'so far',
      xUnit,
      series: [over('offences', ({ offences }) => offences), over('changes sent again', ({ resent }) => resent)],
    }),
  ];
  return all.join('\n');
}

/** For each latency, which share of events took longer, percent. */
function exceeded(buckets: Result['latencyBuckets']): [number, number][] {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let left = total;
  return buckets.flatMap(({ ms: at, count }): [number, number][] => {
    left -= count;
    return left > 0 ? [[at, (100 * left) / total]] : [];
  });
}

function table({ title, head, rows, notes }: Table): string {
  const cells = (row: readonly string[], tag: string) =>
    row.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join('');
  const headRow = head.length === 0 ? '' : `<tr>${cells(head, 'th')}</tr>`;
  return `<h2>${escapeText(title)}</h2><div class="scroll"><table>${headRow}${rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</table></div>${notes ? `<p class="soft">${escapeText(notes)}</p>` : ''}`;
}
