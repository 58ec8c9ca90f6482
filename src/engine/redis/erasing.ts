/** What is asked of Redis by who takes away what a publisher sent (`../erasing.ts`). */
import { erasedForm } from '../../domain/event.ts';
import { nameTag } from '../../domain/name-tag.ts';
import { EngineUnavailable } from '../../errors.ts';
import type { EngineOptions } from '../engine.ts';
import type { Erasing } from '../erasing.ts';
import { encodeEvent, encodeIdentity } from './codec/event-writer.ts';
import type { Keys } from './keys.ts';
import type { Argument } from './nodes/calls.ts';
import { stepMax } from './reads.ts';
import type { Runner } from './runner.ts';
import { scripts } from './scripts.ts';

const NOT_VOUCHED = 1;

export function createErasing(
  keys: Keys,
  { historyMaxEvents, maxChangeBytes }: EngineOptions,
  runner: Pick<Runner, 'run'>,
): Erasing {
  const run = runner.run.bind(runner);
  const maxStep = stepMax(maxChangeBytes);
  const prefixOf = (name: string) => `${name}.`;

  /** Call after call, until one says that nothing is left. @returns How many were found. */
  async function all(next: (from: number) => Promise<unknown>): Promise<number> {
    let found = 0;
    for (let from = 0; from >= 0; ) {
      const [at, count] = pairIn(await next(from))!;
      found += count;
      from = at;
    }
    return found;
  }

  return {
    async erase(shard, { channel, epoch, name, events, through, field, isTold = false, atMs }) {
      const { shard: hash, recent } = keys.ofShard(shard);
      const { meta, history, state, index, events: published } = keys.ofChannel(shard, channel);
      const tells = encodeIdentity({ from: '', seq: 0, atMs, bytes: new Uint8Array(0) });
      const of: Argument[] = [epoch, channel, prefixOf(name), field ?? '', String(through), isTold ? '1' : '0'];
      const args = [...of, tells, String(atMs), published, String(historyMaxEvents), `counted:${nameTag(name)}`];
      for (const { event, countedIn } of events) {
        args.push(String(event.offset), encodeEvent(erasedForm(event)), countedIn ?? '');
      }
      const answer = await run(shard, scripts.erase, [hash, meta, history, state, index, recent], args);
      const pair = pairIn(answer);
      return pair && { events: pair[0], fields: pair[1] };
    },

    async eraseWaiting(shard, name) {
      const { shard: hash, inbox, bad } = keys.ofShard(shard);
      const args = (from: number) => [String(from), prefixOf(name), String(maxStep)];
      const waiting = await all((from) => run(shard, scripts.eraseWaiting, [hash, inbox], args(from)));
      return waiting + (await all((from) => run(shard, scripts.eraseUnreadable, [bad], args(from))));
    },

    // Its files are Redis' own: their operator has them written anew (docs/erasing.md).
    scrub: async () => {},
  };
}

/** Null where the script answers that the epoch is another one. */
function pairIn(answer: unknown): readonly [number, number] | null {
  if (answer === NOT_VOUCHED) throw new EngineUnavailable('nobody knows yet whether the store has all that it had');
  return Array.isArray(answer) ? (answer as [number, number]) : null;
}
