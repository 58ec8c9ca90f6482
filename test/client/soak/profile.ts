/** What a browser has for the tabs of one profile: outboxes, locks that go with their tab, and channels between tabs. */
import type { StoredChange } from '../../../src/client/storage.ts';
import { FakeLocks, FakeStorage } from '../kit.ts';
import { type FromPage, numberOf, type ToPage } from './messages.ts';

/** A tab, from its beginning to its end. */
export interface Member {
  send(message: ToPage): void;
  /** A change of it is written down. */
  wrote(number: number): void;
}

export interface Seat {
  take(message: FromPage): void;
  /** The tab has ended: its locks are free. */
  leave(): void;
}

export class Profile {
  readonly #storage = new FakeStorage();
  readonly #locks = new FakeLocks();
  readonly #members = new Set<Member>();

  /** Changes that are written down and have no 204. */
  get pending(): number {
    return this.#storage.changes.size;
  }

  join(member: Member): Seat {
    const { locks, kill } = this.#locks.tab();
    const held = new Map<number, { release: () => void; unask: AbortController }>();
    this.#members.add(member);

    let isThere = true;
    let turn: Promise<unknown> = Promise.resolve();

    /** What is given back is free for who asks next, as browsers promise: each of these is done before the next begins. */
    function inTurn(act: () => void): void {
      turn = turn.then(() => new Promise(setImmediate)).then(() => isThere && act());
    }

    const answer = (id: number, found: StoredChange[] = []) => member.send({ t: 'answer', id, found });

    function lock(id: number, name: string, how: 'wait' | 'try' | 'steal'): void {
      const unask = new AbortController();
      const one = { release: () => {}, unask };
      held.set(id, one);
      const words = { ifAvailable: how === 'try', steal: how === 'steal', signal: unask.signal };
      locks
        .request(name, words, (granted) => {
          member.send({ t: 'locked', id, outcome: granted ? 'granted' : 'refused' });
          return granted ? new Promise<void>((resolve) => Object.assign(one, { release: resolve })) : undefined;
        })
        .catch(() => !unask.signal.aborted && member.send({ t: 'locked', id, outcome: 'stolen' }));
    }

    return {
      take: (message) => {
        switch (message.t) {
          case 'list':
            return void this.#storage.list(message.scope).then((found) => answer(message.id, found));
          case 'put':
            member.wrote(numberOf(message.change.bytes));
            return void this.#storage.put(message.change).then(() => answer(message.id));
          case 'delete':
            return void this.#storage.delete(message.change).then(() => answer(message.id));
          case 'lock':
            return inTurn(() => lock(message.id, message.name, message.how));
          case 'unlock':
            return inTurn(() => {
              held.get(message.id)?.release();
              held.get(message.id)?.unask.abort();
              held.delete(message.id);
            });
          case 'say':
            for (const other of this.#members) {
              if (other !== member) other.send({ t: 'said', name: message.name, message: message.message });
            }
        }
      },
      leave: () => {
        isThere = false;
        this.#members.delete(member);
        for (const { unask } of held.values()) unask.abort();
        kill();
      },
    };
  }
}
