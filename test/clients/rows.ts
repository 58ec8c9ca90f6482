/**
 * The table of other people's clients: each with the settings that docs/clients.md gives for it, and some as they are without. What
 * a row says is tried by `clients.test.ts`, and the page has to say the same.
 */
export const SCENARIOS = ['bytes', 'kill', 'drain', 'age', 'full', 'reset'] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** In Node, in a page of Chromium, or a program of its own. */
export type Where = 'node' | 'page' | 'process';

export interface Row {
  readonly name: string;
  /** As it is installed here; versions of one package have names of their own. */
  readonly npm?: string;
  /** What of the package has the standard's interface, for the recipe that all of those share. */
  readonly exported?: string;
  /** In `recipes/`. */
  readonly recipe: string;
  readonly where: readonly Where[];
  /** Of the URL: what its own parser spoils comes whole in an envelope. */
  readonly query?: string;
  /** Only with its defaults: how many of the payloads it shows as they are. Else all. */
  readonly bytes?: number;
  /** It is over for it there, and its last events are lost; the settings of another row mend that. */
  readonly ends?: readonly Scenario[];
}

const standard = { recipe: 'event-source.mjs' } as const;
const WITH_AT = 'with=at';

export const rows: readonly Row[] = [
  { name: "the browser's EventSource", ...standard, where: ['page'] },
  {
    name: 'the same, refused with 503 where there is no room',
    recipe: 'event-source-again.mjs',
    where: ['page'],
    query: 'strict=1',
  },
  { name: 'eventsource 2.0.2', npm: 'eventsource-2', exported: 'default', ...standard, where: ['node'] },
  { name: 'eventsource 3.0.7', npm: 'eventsource-3', exported: 'EventSource', ...standard, where: ['node'] },
  { name: 'eventsource 4.1.1', npm: 'eventsource', exported: 'EventSource', ...standard, where: ['node'] },
  { name: 'eventsource 5.1.5', npm: 'eventsource-5', exported: 'EventSource', ...standard, where: ['node'] },
  { name: 'undici 7.30', npm: 'undici', exported: 'EventSource', ...standard, where: ['node'] },
  {
    name: 'launchdarkly-eventsource 2.2.0',
    npm: 'launchdarkly-eventsource',
    exported: 'EventSource',
    ...standard,
    where: ['node'],
  },
  { name: 'eventsource-client 1.2.0', recipe: 'eventsource-client.mjs', where: ['node', 'page'] },
  {
    name: 'event-source-polyfill 1.0.31',
    npm: 'event-source-polyfill',
    exported: 'EventSourcePolyfill',
    ...standard,
    where: ['page'],
  },
  {
    name: 'reconnecting-eventsource 1.6.5',
    npm: 'reconnecting-eventsource',
    exported: 'default',
    ...standard,
    where: ['page'],
  },
  { name: '@microsoft/fetch-event-source 2.0.1', recipe: 'fetch-event-source.mjs', where: ['page'], query: WITH_AT },
  {
    name: '@microsoft/fetch-event-source, defaults',
    recipe: 'fetch-event-source-defaults.mjs',
    where: ['page'],
    bytes: 12,
    ends: ['kill', 'drain', 'age', 'full', 'reset'],
  },
  { name: 'sse.js 2.8.0', recipe: 'sse-js.mjs', where: ['page'] },
  {
    name: 'sse.js, defaults',
    recipe: 'sse-js-defaults.mjs',
    where: ['page'],
    ends: ['kill', 'drain', 'age', 'full', 'reset'],
  },
  { name: 'event-source-plus 0.1.15', recipe: 'event-source-plus.mjs', where: ['node', 'page'], query: WITH_AT },
  { name: 'event-source-plus, defaults', recipe: 'event-source-plus.mjs', where: ['node'], bytes: 7 },
  { name: 'extended-eventsource 2.1.0', recipe: 'extended-eventsource.mjs', where: ['node', 'page'], query: WITH_AT },
  { name: 'extended-eventsource, defaults', recipe: 'extended-eventsource.mjs', where: ['node'], bytes: 12 },
  { name: 'react-native-sse 1.2.1', recipe: 'react-native-sse.mjs', where: ['page'], query: WITH_AT },
  {
    name: 'react-native-sse, defaults',
    recipe: 'react-native-sse-defaults.mjs',
    where: ['page'],
    bytes: 11,
    ends: ['kill', 'reset'],
  },
  { name: 'Python, by hand', recipe: 'listen.py', where: ['process'] },
  { name: 'curl, in a loop', recipe: 'listen.sh', where: ['process'] },
];
