/** What was measured, as the tables of a result and of docs/airtime.md. */
import { spreadOf, table } from '../report.ts';
import type { Counted } from './counting-proxy.ts';
import type { Costs, Measured } from './measure.ts';
import type { OneWay } from './tls-records.ts';

export interface Aim {
  readonly what: string;
  readonly atMost: number;
  of(measured: Measured): number;
}

const median = (values: readonly number[]) => spreadOf(values).median;
export const eachOf = ({ each }: Costs, of: (counted: Counted) => number) => median(each.map(of));

/** Bytes inside the TLS records, after the first. */
export const aims: readonly Aim[] = [
  { what: 'one change, up', atMost: 60, of: ({ change }) => eachOf(change, ({ up }) => up.payload) },
  { what: 'its answer, down', atMost: 40, of: ({ change }) => eachOf(change, ({ down }) => down.payload) },
  { what: 'one event, down', atMost: 45, of: ({ event }) => eachOf(event!, ({ down }) => down.payload) },
];

/** That the aims are about. */
export const OURS = 'HTTP/2, the session cookie';
export const IN_CHROMIUM = `Chromium, ${OURS}`;

/** @throws {Error} when what they are about was not measured. */
export function aimsTable(measured: readonly Measured[]): string {
  const rows = [OURS, IN_CHROMIUM].flatMap((way) => {
    const found = measured.find(({ name }) => name === way);
    if (found === undefined) throw new Error(`${way} was not measured`);
    return aims.map(({ what, atMost, of }) => {
      const bytes = of(found);
      return [`${way}: ${what}`, `≤ ${atMost}`, String(bytes), bytes <= atMost ? 'met' : 'missed'];
    });
  });
  return table(['bytes inside the TLS records, after the first', 'aim', 'measured', ''], rows);
}

/** Of each one more, the median: bytes on the wire, and what of them is inside the records. */
export function eachTable(measured: readonly Measured[]): string {
  const both = (costs: Costs | undefined, of: (counted: Counted) => OneWay) => {
    if (costs === undefined) return '';
    const bytes = eachOf(costs, (counted) => of(counted).bytes);
    return bytes === 0 ? '0' : `${bytes} (${eachOf(costs, (counted) => of(counted).payload)})`;
  };
  return table(
    ['each after the first', 'change, up', 'change, down', 'event, up', 'event, down'],
    measured.map(({ name, change, event }) => [
      name,
      both(change, ({ up }) => up),
      both(change, ({ down }) => down),
      both(event, ({ up }) => up),
      both(event, ({ down }) => down),
    ]),
  );
}

/** With the TLS handshake: bytes on the wire. */
export function firstTable(measured: readonly Measured[]): string {
  const cells = (costs: Costs | undefined) =>
    costs ? [costs.first.up.bytes, costs.first.down.bytes].map(String) : ['', ''];
  return table(
    ['connecting and the first', 'change, up', 'change, down', 'stream, up', 'stream, down'],
    measured.map(({ name, change, event }) => [name, ...cells(change), ...cells(event)]),
  );
}
