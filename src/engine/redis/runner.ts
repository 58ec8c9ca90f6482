/** Where scripts run: what the commands need of the primaries. */
import type { Argument, Reply, Script } from './nodes/calls.ts';

/** Where the scripts run: `primaries.ts`. */
export interface Runner {
  /** Whether one call may have keys of several shards. */
  readonly isOne: boolean;
  /** Whether it has whatever it ever confirmed, as far as it knows: then it need not be asked who remembers. */
  readonly keepsAll: boolean;
  run(shard: number, script: Script, keys: string[], args: Argument[]): Promise<Reply>;
  /** The same over a connection of its own, so that POSTs never wait behind a large read. */
  append(shard: number, script: Script, keys: string[], args: Argument[]): Promise<Reply>;
}
