/**
 * One page: the client library and an app in a process of its own, which may be killed or frozen at any moment. What the app makes of
 * an event is kept by the browser together with the cursor; what is a moment younger than the end of the process was never seen.
 */
import { EventSource } from 'eventsource';
import { createConnection } from '../../../src/client/connection.ts';
import type { Locks } from '../../../src/client/locks.ts';
import type { Broadcast } from '../../../src/client/share.ts';
import type { OutboxStorage, StoredChange } from '../../../src/client/storage.ts';
import { FakePage } from '../kit.ts';
import { type Begin, changeOf, type FromPage, type Heard, numberOf, type ToPage } from './messages.ts';

Object.assign(globalThis, { EventSource });

const begin = JSON.parse(process.argv[2]!) as Begin;
const tell = (message: FromPage): void => void process.send!(message, () => undefined);
const fault = (what: string) => tell({ t: 'fault', what });
process.on('disconnect', () => process.exit());
process.on('unhandledRejection', (reason) => fault(`nobody looks at ${reason}`));

let ids = 0;
const answers = new Map<number, (found: StoredChange[]) => void>();
const asked = (message: (id: number) => FromPage) =>
  new Promise<StoredChange[]>((resolve) => {
    answers.set(++ids, resolve);
    tell(message(ids));
  });

const storage: OutboxStorage = {
  list: (scope) => asked((id) => ({ t: 'list', id, scope })),
  put: (change) => asked((id) => ({ t: 'put', id, change })).then(() => undefined),
  delete: (change) => asked((id) => ({ t: 'delete', id, change })).then(() => undefined),
};

const locking = new Map<number, (outcome: 'granted' | 'refused' | 'stolen') => void>();
const locks: Locks = {
  request(name, { ifAvailable, steal, signal }, held) {
    const id = ++ids;
    return new Promise((resolve, reject) => {
      const free = () => {
        locking.delete(id);
        tell({ t: 'unlock', id });
      };
      locking.set(id, (outcome) => {
        if (outcome === 'stolen') return reject(new Error('stolen'));
        Promise.resolve(held(outcome === 'granted' ? { name } : null)).then((value) => {
          free();
          resolve(value);
        }, reject);
      });
      signal?.addEventListener('abort', () => {
        // What is held stays so.
        if (!locking.has(id) || isHeld.has(id)) return;
        free();
        reject(new Error('aborted'));
      });
      tell({ t: 'lock', id, name, how: steal ? 'steal' : ifAvailable ? 'try' : 'wait' });
    });
  },
};
const isHeld = new Set<number>();

const open = new Map<string, Set<Broadcast>>();
class Channel implements Broadcast {
  onmessage: unknown = null;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    open.set(name, (open.get(name) ?? new Set()).add(this));
  }

  postMessage(message: unknown): void {
    tell({ t: 'say', name: this.#name, message });
  }

  close(): void {
    open.get(this.#name)?.delete(this);
  }
}

const page = new FakePage();
const { url, name, kept, live, transports, share } = begin;
const connection = createConnection(
  url,
  { name, storage, transports, share, whenHidden: 1_500 },
  { page, locks, Channel },
);
connection.addEventListener('dropped', ({ why, data, problem }) =>
  fault(`${numberOf(data)} dropped: ${why} ${problem?.code ?? ''}`),
);
connection.addEventListener('error', (error) => fault(`an error: ${error.stack}`));
connection.addEventListener('status', ({ state, reason }) => {
  if (state === 'failed' || reason === 'not-durable') fault(`the connection: ${state} ${reason}`);
});

const heard: Heard[] = [];
for (const [channel, since] of [...Object.entries(kept), ...live.map((each) => [each, undefined] as const)]) {
  connection.subscribe(
    channel,
    ({ data, id }) => {
      if (heard.length === 0) setImmediate(() => tell({ t: 'heard', events: heard.splice(0) }));
      heard.push([channel, numberOf(data), id]);
    },
    { onReset: ({ lost }) => fault(`${channel} was reset, ${lost} lost`), ...(since !== undefined && { since }) },
  );
}

process.on('message', (message: ToPage) => {
  switch (message.t) {
    case 'publish':
      return void connection.publish(message.channel, changeOf(message.number));
    case 'page':
      page.fire(message.what);
      return tell({ t: 'done' });
    case 'answer':
      answers.get(message.id)?.(message.found);
      return void answers.delete(message.id);
    case 'locked':
      if (!locking.has(message.id)) return;
      if (message.outcome === 'granted') isHeld.add(message.id);
      return locking.get(message.id)!(message.outcome);
    case 'said':
      for (const each of open.get(message.name) ?? [])
        (each.onmessage as (event: object) => void)?.({ data: message.message });
  }
});
