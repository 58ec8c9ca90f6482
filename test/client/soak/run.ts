/** One run of the soak: everything set up, changes given to tabs while things happen to them, then quiet, and the verdict. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import type { TransportName } from '../../../src/client/contract.ts';
import { newChannel } from '../../contract/protocol/kit.ts';
import { request } from '../../support/http.ts';
import { createRandom, type Random } from '../../support/random.ts';
import { waitFor } from '../../support/wait.ts';
import { acts } from './acts.ts';
import { type Logged, verdictOn } from './ledger.ts';
import { numberOf } from './messages.ts';
import { type Place, startAlone, startFleet } from './place.ts';
import { Profile } from './profile.ts';
import { Tab } from './tab.ts';
import { type Network, startNetwork } from './weather.ts';

export interface RunOptions {
  /** For its files. */
  readonly dir: string;
  readonly seed: number;
  readonly changes: number;
  readonly clients: number;
  /** Changes a second. */
  readonly rate: number;
  readonly maxMs: number;
  readonly isFleet: boolean;
  readonly say: (line: string) => void;
}

export interface Outcome {
  readonly row: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

const NETWORKS = 4;
const SAY_EVERY_MS = 30_000;
const TURN_MS = 20;
/** Between two things that happen to a tab, at most: it has time to do something in. */
const ACT_MAX_MS = 40_000;
/** Nor more often than once in so many changes: on a machine that is too busy, pages that begin would leave nothing for those that work. */
const ACT_MIN_CHANGES = 40;
/** Of one tab without a 204, so that what happens happens while changes are on their way. */
const PENDING_MAX = 80;
/** Taps come in bursts. */
const BURST_MAX = 40;
/** Most pages choose for themselves; some have only what an old one has. */
const TRANSPORTS: readonly (readonly TransportName[])[] = [
  ['fetch', 'eventsource', 'poll'],
  ['fetch', 'eventsource', 'poll'],
  ['fetch', 'eventsource', 'poll'],
  ['eventsource', 'poll'],
  ['poll'],
];

export async function run(options: RunOptions): Promise<Outcome> {
  const { seed, changes, clients, isFleet, say } = options;
  const beganMs = performance.now();
  const random = createRandom(seed);
  const place = isFleet ? await startFleet(seed) : await startAlone();
  const networks: Network[] = [];
  for (let i = 0; i < NETWORKS; i++) networks.push(await startNetwork(place, seed + 10 * (i + 1)));
  const program = await bundlePage(options.dir);
  const [kept, live] = [
    [newChannel(), newChannel()],
    [newChannel(), newChannel()],
  ];
  const channels = [...kept, ...live];
  const profiles: Profile[] = [];
  const tabs = Array.from({ length: clients }, (_, i) => {
    // Of eight tabs two are of one profile.
    if (i % 8 !== 7) profiles.push(new Profile());
    const common = { program, kept, live, share: true, profile: profiles.at(-1)! };
    const alone = i % 8 < 6 ? i : i - (i % 2);
    return new Tab({
      ...common,
      name: `user-${alone}`,
      url: networks[alone % NETWORKS]!.url,
      transports: TRANSPORTS[alone % TRANSPORTS.length]!,
    });
  });
  const isAlone = (tab: Tab) => tabs.filter(({ options: { profile } }) => profile === tab.options.profile).length === 1;
  const published = new Map(channels.map((channel) => [channel, [] as { number: number; by: string | undefined }[]]));
  const acted: Record<string, number> = {};
  const failures: string[] = [];
  let issued = 0;
  let isLate = false;

  const pending = () =>
    profiles.reduce((sum, each) => sum + each.pending, 0) + tabs.reduce((sum, each) => sum + each.unwritten, 0);
  const heardOf = (tab: Tab) => [...tab.kept.values()].reduce((sum, { length }) => sum + length, 0);
  const toKeep = () => kept.reduce((sum, channel) => sum + published.get(channel)!.length, 0);
  const progress = () => {
    const heard = tabs.map(heardOf);
    const s = Math.round((performance.now() - beganMs) / 1_000);
    return `${s} s: ${issued} of ${changes} published, ${pending()} without a 204, kept ${Math.min(...heard)} to ${Math.max(...heard)} of ${toKeep()}, ${JSON.stringify(acted)} ${JSON.stringify(place.kills)}`;
  };

  function publish(tab: Tab, channel: string): void {
    const number = ++issued;
    published.get(channel)!.push({ number, by: isAlone(tab) ? tab.options.name : undefined });
    tab.publish(channel, number);
  }

  async function publishAll(): Promise<void> {
    let due = 0;
    let sinceMs = performance.now();
    while (issued < changes) {
      const nowMs = performance.now();
      // By the clock, for on a busy machine a turn takes longer; but what was not possible in its second is not made up for.
      due = Math.min(due + (options.rate * (nowMs - sinceMs)) / 1_000, issued + options.rate);
      sinceMs = nowMs;
      while (issued < due && issued < changes) {
        const able = tabs.filter((tab) => tab.isAwake && tab.unwritten + tab.options.profile.pending < PENDING_MAX);
        if (able.length === 0) break;
        const tab = random.pick(able);
        for (let i = random.int(BURST_MAX); i >= 0 && issued < changes; i--) publish(tab, random.pick(channels));
      }
      await sleep(TURN_MS);
    }
  }

  async function play(): Promise<void> {
    for (const tab of tabs) tab.begin();
    const happening = Promise.all([
      ...networks.map((network) => network.run(over.signal)),
      place.run(over.signal),
      happen(tabs, createRandom(seed + 1), acted, () => issued, over.signal),
    ]);
    await Promise.race([publishAll(), happening]);
    over.abort();
    await happening;
    // Whatever comes last on a channel is heard by everybody who looks at it.
    await until(() => pending() === 0);
    for (const channel of channels) publish(tabs[0]!, channel);
    await until(() => pending() === 0);
    const last = new Map(channels.map((channel) => [channel, published.get(channel)!.at(-1)!.number]));
    await until(() =>
      tabs.every(
        (tab) =>
          kept.every((channel) => tab.kept.get(channel)!.at(-1) === last.get(channel)) &&
          live.every((channel) => tab.live.get(channel)!.at(-1)!.at(-1) === last.get(channel)),
      ),
    );
  }

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo() && !isLate) await sleep(TURN_MS);
  }

  const over = new AbortController();
  const saying = setInterval(() => say(progress()), SAY_EVERY_MS);
  try {
    await Promise.race([play(), late(options.maxMs)]);
  } catch (thrown) {
    failures.push(`${thrown}: ${progress()}`);
  } finally {
    isLate = true;
    over.abort();
    clearInterval(saying);
  }
  const merged = new Map<string, Logged[]>();
  for (const channel of channels) merged.set(channel, await logOf(place, channel));
  await Promise.all(tabs.map((tab) => tab.kill()));
  for (const network of networks) await network.end();
  await place.end();
  const readers = tabs.map((tab) => ({ name: nameOf(tab), kept: tab.kept, live: tab.live }));
  const { words, ...sums } = verdictOn({ published, merged, readers });
  failures.push(...words, ...tabs.flatMap((tab) => tab.faults.map((fault) => `${nameOf(tab)}: ${fault}`)));
  const sum = (of: (tab: Tab) => number) => tabs.reduce((all, tab) => all + of(tab), 0);
  const counts: Record<string, number> = {};
  for (const network of networks)
    for (const [what, n] of Object.entries(network.counts)) counts[what] = (counts[what] ?? 0) + n;
  const row = {
    ...{ seed, changes: issued, clients, seconds: Math.round((performance.now() - beganMs) / 1_000), ...sums },
    ...{ heard: sum(({ heard }) => heard), lives: sum(({ lives }) => lives), ...acted, ...counts },
    ...Object.fromEntries(Object.entries(place.kills).map(([kind, n]) => [`${kind} killed`, n])),
  };
  return { row, failures };

  function nameOf(tab: Tab): string {
    return `client ${tabs.indexOf(tab)}`;
  }
}

/** Rejects after so much time in which this process was not stopped. */
function late(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    let left = Math.ceil(ms / 1_000);
    const ticking = setInterval(() => {
      if (--left > 0) return;
      clearInterval(ticking);
      reject(new Error(`not done within ${ms / 1_000} s`));
    }, 1_000);
    ticking.unref();
  });
}

/** One at a time of each tab; resolves when all that began is over. */
async function happen(
  tabs: readonly Tab[],
  random: Random,
  acted: Record<string, number>,
  issued: () => number,
  signal: AbortSignal,
): Promise<void> {
  const busy = new Map<Tab, Promise<void>>();
  let before = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    await sleep(random.int(ACT_MAX_MS / tabs.length), undefined, { signal }).catch(() => undefined);
    if (issued() < before + ACT_MIN_CHANGES) continue;
    before = issued();
    const tab = random.pick(tabs);
    const name = random.pick(Object.keys(acts));
    if (busy.has(tab) || signal.aborted) continue;
    acted[name] = (acted[name] ?? 0) + 1;
    busy.set(
      tab,
      acts[name]!(tab, random).finally(() => busy.delete(tab)),
    );
  }
  await Promise.all(busy.values());
}

async function logOf({ receive }: Place, channel: string): Promise<Logged[]> {
  const log: Logged[] = [];
  let since = '';
  for (;;) {
    const path = `/c/${channel}/history?limit=500${since && `&since=${since}`}`;
    const answer = await waitFor(
      async () => {
        const tried = await request(receive, path);
        return tried.status === 503 ? undefined : tried;
      },
      { what: path },
    );
    const { events, cursor, more } = answer.json<{
      events: { data?: string; b64?: string; from: string; seq: number }[];
      cursor: string;
      more: boolean;
    }>();
    for (const { data, b64, from, seq } of events)
      log.push({ number: numberOf(data ?? Buffer.from(b64!, 'base64')), from, seq });
    since = cursor;
    if (!more) return log;
  }
}

async function bundlePage(dir: string): Promise<string> {
  const outfile = join(dir, 'page.mjs');
  await build({
    entryPoints: [new URL('page.ts', import.meta.url).pathname],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
  });
  return outfile;
}
