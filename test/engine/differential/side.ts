/**
 * One of the two engines of the differential test: performs commands and puts answers into a form in which those of
 * two engines can be equal. Epochs, which are random, become `e0`, `e1` … in the order in which they appeared; commands
 * name them in the same way. How long a lease still has is left out.
 */
import type { Change } from '../../../src/domain/change.ts';
import type { Channel } from '../../../src/domain/channel.ts';
import type { Epoch, Position } from '../../../src/domain/position.ts';
import type { Commit, Engine, Evidence, LoadWish, Subscription } from '../../../src/engine/engine.ts';
import type { Erasure } from '../../../src/engine/erasing.ts';
import { LONG_MS, plain } from '../../contract/engine/kit.ts';

export type Command =
  | { readonly kind: 'append'; readonly changes: readonly Change[] }
  | {
      readonly kind: 'peek';
      readonly shard: number;
      readonly token: string;
      readonly maxEntries: number;
      readonly maxBytes: number;
    }
  | { readonly kind: 'load'; readonly shard: number; readonly wanted: readonly LoadWish[] }
  | { readonly kind: 'commit'; readonly shard: number; readonly commit: Commit }
  | { readonly kind: 'release'; readonly shard: number; readonly token: string }
  | { readonly kind: 'sweep'; readonly shard: number; readonly token: string; readonly limit: number }
  | { readonly kind: 'history'; readonly channel: Channel; readonly after: Position | null; readonly limit: number }
  | { readonly kind: 'state'; readonly channel: Channel }
  | { readonly kind: 'renew'; readonly shard: number; readonly epoch: Epoch; readonly evidence: Evidence }
  | { readonly kind: 'erase'; readonly shard: number; readonly erasure: Erasure }
  | { readonly kind: 'eraseWaiting'; readonly shard: number; readonly name: string }
  /** `head`: the channel's at that moment. */
  | { readonly kind: 'subscribe'; readonly channel: Channel; readonly head: number; readonly id: number }
  | { readonly kind: 'unsubscribe'; readonly id: number };

interface Observed {
  readonly subscription: Subscription;
  readonly batches: unknown[];
  suspected: number;
}

export interface Side {
  readonly engine: Engine;
  /** The answer, comparable; for a call that failed, the error. */
  perform(command: Command): Promise<unknown>;
  /** What came for a subscription so far, comparable. */
  batches(id: number): unknown[];
  suspected(id: number): number;
}

export function createSide(engine: Engine): Side {
  const epochs: Epoch[] = [];
  const observed = new Map<number, Observed>();

  function nameOf(epoch: Epoch): string {
    if (!epochs.includes(epoch)) epochs.push(epoch);
    return `e${epochs.indexOf(epoch)}`;
  }

  /** A name that stands for no epoch is itself used as one. */
  function epochOf(name: string): Epoch {
    return (/^e\d+$/.test(name) && epochs[Number(name.slice(1))]) || name;
  }

  function comparable(answer: unknown): unknown {
    return JSON.parse(JSON.stringify(plain(answer)), (key, value) => {
      if (key === 'epoch') return nameOf(value);
      return key === 'remainingMs' ? value > 0 && value <= LONG_MS : value;
    });
  }

  /** News of a commit from just before may still come, or not: only what is after the head is compared. */
  async function subscribe(channel: Channel, head: number, id: number): Promise<void> {
    const batches: unknown[] = [];
    const subscription = await engine.subscribe(channel, {
      published: (epoch, events) => {
        if (events[0]!.offset > head) batches.push({ epoch, events });
      },
      suspect: () => {
        observed.get(id)!.suspected++;
      },
    });
    observed.set(id, { subscription, batches, suspected: 0 });
  }

  async function answer(command: Command): Promise<unknown> {
    switch (command.kind) {
      case 'append':
        return engine.append(command.changes);
      case 'peek': {
        const { shard, token, maxEntries, maxBytes } = command;
        return engine.peek(shard, { token, ms: LONG_MS }, { maxEntries, maxBytes });
      }
      case 'load':
        return engine.load(command.shard, command.wanted);
      case 'commit':
        return engine.commit(command.shard, { ...command.commit, epoch: epochOf(command.commit.epoch) });
      case 'release':
        return engine.release(command.shard, command.token);
      case 'sweep': {
        const swept = await engine.sweep(command.shard, command.token, command.limit);
        if (swept.kind === 'refused') return swept;
        // In which order it takes them is left to the engine.
        const publishers = swept.publishers.map((publisher) => publisher.join(' ')).sort();
        return { ...swept, channels: [...swept.channels].sort(), publishers };
      }
      case 'history': {
        const { channel, after, limit } = command;
        return engine.readHistory(channel, after && { ...after, epoch: epochOf(after.epoch) }, limit);
      }
      case 'state':
        return engine.readState(command.channel);
      case 'renew':
        return engine.renew(command.shard, epochOf(command.epoch), command.evidence);
      case 'erase':
        return engine.erase(command.shard, { ...command.erasure, epoch: epochOf(command.erasure.epoch) });
      case 'eraseWaiting':
        return engine.eraseWaiting(command.shard, command.name);
      case 'subscribe':
        return subscribe(command.channel, command.head, command.id);
      case 'unsubscribe':
        return observed.get(command.id)!.subscription.close();
    }
  }

  return {
    engine,
    async perform(command) {
      try {
        return comparable((await answer(command)) ?? null);
      } catch (error) {
        return { kind: 'rejected', error: String(error) };
      }
    },
    batches: (id) => comparable(observed.get(id)!.batches) as unknown[],
    suspected: (id) => observed.get(id)!.suspected,
  };
}
