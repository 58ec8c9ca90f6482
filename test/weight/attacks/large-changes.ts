/**
 * A channel of changes of the largest size a server may be told to take, made of bytes that JSON writes as six letters: its
 * history is read, and polled from its beginning, by several at once and page by page to its end.
 */
import { request } from '../../support/http.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { fillHistory } from '../filling.ts';
import { largestOf } from '../settings.ts';

const CHANNEL = 'large';
const CHANGES: Readonly<Record<Size, number>> = { small: 90, full: 400 };
const READERS: Readonly<Record<Size, number>> = { small: 1, full: 2 };
const ANSWER_MS = 60_000;
/** A server that is busy may say so so many times in a row. */
const REFUSALS_MAX = 50;
const AGAIN_MS = 100;

interface Page {
  readonly cursor: string;
  readonly more: boolean;
  readonly events: readonly unknown[];
}

interface Read {
  readonly events: number;
  readonly pages: number;
  readonly largestBytes: number;
  readonly refused: number;
  readonly fault: string | null;
}

const paths = {
  history: (since: string) => `/c/${CHANNEL}/history${since && `?since=${since}`}`,
  poll: (since: string) => `/c/${CHANNEL}/events?format=json&since=${since || 'earliest'}`,
} as const;

function attack(kind: keyof typeof paths, store: Attack['store']): Attack {
  const changeBytes = largestOf('maxChangeBytes');
  return {
    name: `large-changes-${kind}-${store}`,
    promise: `${kind} of changes of ${changeBytes} bytes: pages that fit, to the end`,
    store,
    isVariant: (kind === 'history') !== (store === 'memory'),
    env: () => ({ MAX_CHANGE_BYTES: String(changeBytes), INBOX_MAX_BYTES: String(1 << 30) }),
    holds: ['rings', 'answers'],
    prepare: ({ target, size }) => fillHistory(target, CHANNEL, { events: CHANGES[size], bytes: changeBytes }),
    async drive({ target, size }: Drive) {
      const readAll = () => read(target.gatewayUrl, paths[kind]);
      const reads = await Promise.all(Array.from({ length: READERS[size] }, readAll));
      const faults = reads.flatMap(({ fault }) => fault ?? []);
      const short = reads.filter(({ events, fault }) => fault === null && events < CHANGES[size]).length;
      if (short > 0) faults.push(`${short} of ${reads.length} readers did not get all ${CHANGES[size]} events`);
      const sum = (figure: 'events' | 'pages' | 'refused') => reads.reduce((total, one) => total + one[figure], 0);
      const largest = Math.max(...reads.map(({ largestBytes }) => largestBytes));
      const counts = { events: sum('events'), pages: sum('pages'), refused: sum('refused') };
      return { figures: { ...counts, 'largest page, MiB': (largest / (1 << 20)).toFixed(1) }, faults };
    },
  };
}

async function read(url: string, pathOf: (since: string) => string): Promise<Read> {
  let [since, events, pages, largestBytes, refused, inARow] = ['', 0, 0, 0, 0, 0];
  const soFar = (fault: string | null): Read => ({ events, pages, largestBytes, refused, fault });
  for (;;) {
    const answer = await request(url, pathOf(since), { timeoutMs: ANSWER_MS }).catch((error: Error) => error);
    if (answer instanceof Error) return soFar(`a page: ${answer.message}`);
    if (answer.status === 503 && inARow++ < REFUSALS_MAX) {
      refused++;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      continue;
    }
    if (answer.status !== 200) return soFar(`a page was answered ${answer.status}`);
    inARow = 0;
    const page = answer.json<Page>();
    pages++;
    events += page.events.length;
    largestBytes = Math.max(largestBytes, answer.body.length);
    since = page.cursor;
    if (!page.more) return soFar(null);
  }
}

export const largeChanges: readonly Attack[] = [
  attack('history', 'memory'),
  attack('poll', 'memory'),
  attack('history', 'redis'),
  attack('poll', 'redis'),
];
