/**
 * Where a shard stood when we last saw it under a lease of ours, and what the store is told of that: it may have come back with
 * less, and then its logs need a new epoch.
 */
import type { Epoch } from '../domain/position.ts';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../log.ts';

export interface Seen {
  readonly epoch: Epoch;
  readonly rev: number;
  readonly events: number;
}

export interface WitnessDeps {
  readonly engine: Engine;
  readonly log: Logger;
}

export class Witness {
  readonly #shard: number;
  readonly #deps: WitnessDeps;
  #seen: Seen | null = null;
  /** Of the lease under which it was seen. */
  #token = '';

  constructor(shard: number, deps: WitnessDeps) {
    this.#shard = shard;
    this.#deps = deps;
  }

  get seen(): Seen | null {
    return this.#seen;
  }

  see({ epoch, rev, events }: Seen, token: string): void {
    this.#seen = { epoch, rev, events };
    this.#token = token;
  }

  /** Tells what was seen: evidence against a store that is behind; for any other our word that nothing is missing. */
  async testify(): Promise<void> {
    if (!this.#seen) return;
    const { engine, log } = this.#deps;
    const { epoch, rev } = this.#seen;
    const { kind } = await engine.renew(this.#shard, epoch, { kind: 'rev', rev, token: this.#token });
    if (kind === 'renewed') log.warn({ shard: this.#shard, seen: rev }, 'the store has lost commits: new epoch');
  }

  /** A store whose `rev` is lower than one it has confirmed to us has lost commits: its logs need a new epoch. */
  async wentBack({ epoch, rev }: { readonly epoch: Epoch; readonly rev: number }): Promise<boolean> {
    const seen = this.#seen;
    if (!seen || epoch !== seen.epoch || rev >= seen.rev) return false;
    await this.testify();
    this.#seen = null;
    return true;
  }

  /** Whoever made the last commit is not there, and the store may have lost it: readers who saw its events must not be told that all is well. */
  async renewUnvouched(epoch: Epoch): Promise<void> {
    const { engine, log } = this.#deps;
    const { kind } = await engine.renew(this.#shard, epoch, { kind: 'unvouched' });
    if (kind === 'renewed') {
      log.warn({ shard: this.#shard }, 'nobody can say whether the store has lost commits: new epoch');
    }
    this.#seen = null;
  }
}
