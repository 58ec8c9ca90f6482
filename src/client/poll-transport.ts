/** Long polls (P18), where a proxy keeps streams back: the same frames, made of answers. */
import { refusalOf } from './answer.ts';
import type { Envelope, StateBody } from './envelope.ts';
import { withinTime } from './time-limit.ts';
import {
  type Ending,
  eventsUrl,
  readInit,
  type Sink,
  type StreamRequest,
  type Transport,
  type TransportDeps,
} from './transport.ts';

interface Answer {
  readonly cursor: string;
  readonly status: string;
  readonly events: readonly Envelope[];
  readonly more: boolean;
  readonly snapshots?: readonly StateBody[];
}

/** Of 25: below the time after which the strictest proxies cut. */
const WAIT_S = 20;
/** An empty answer to a wait is never so quick (P18). */
const EARLY_MS = 1_000;
/** Beyond the wait, for a slow network. */
const SPARE_MS = 10_000;

export function createPollTransport(deps: TransportDeps): Transport {
  function ask(request: StreamRequest, waitS: number, ending: AbortSignal): Promise<Answer | Ending> {
    const url = eventsUrl(deps.base, request, { format: 'json', wait: waitS || undefined });
    return withinTime(deps.clock, waitS * 1_000 + SPARE_MS, ending, async (signal) => {
      const type = 'application/json';
      const response = await deps.fetch(url, readInit(request.headers, type, signal));
      return (await refusalOf(response, type)) ?? ((await response.json()) as Answer);
    });
  }

  return {
    name: 'poll',
    hearsHeartbeats: false,
    open(first, sink) {
      const ending = new AbortController();
      const { signal } = ending;
      const end = () => sink.ended({ reason: 'cut' });

      async function run(): Promise<void> {
        let request = first;
        for (let waitS = 0; !signal.aborted; ) {
          const askedMs = deps.clock.elapsedMs();
          const answer = await ask(request, waitS, signal);
          if ('reason' in answer) return sink.ended(answer);
          sink.alive();
          await tellAll(answer, request === first, sink);
          request = { ...request, query: { ...request.query, snapshot: undefined }, cursor: answer.cursor };
          // Of a cache, or a proxy that does not wait: asked again at once it would be asked without end.
          const isEarly = waitS > 0 && !answer.events[0] && deps.clock.elapsedMs() - askedMs < EARLY_MS;
          if (isEarly) return sink.ended({ reason: 'refused' });
          waitS = answer.more ? 0 : WAIT_S;
        }
      }

      run().then(end, end);
      return () => ending.abort();
    },
  };
}

async function tellAll(
  { cursor, status, events, snapshots = [] }: Answer,
  isFirst: boolean,
  sink: Sink,
): Promise<void> {
  // Which channels a reset is of is told by what it brings.
  const channels = Object.fromEntries(snapshots.map(({ channel = '' }) => [channel, { status, lost: null }]));
  if (isFirst || status === 'reset') await sink.tell({ event: '$sync', data: { status, channels } });
  for (const data of snapshots) await sink.tell({ event: '$snapshot', data });
  for (const data of events) await sink.tell({ event: 'message', data, id: data.id });
  await sink.tell({ event: '$at', data: '', id: cursor });
}
