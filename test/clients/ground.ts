/** Where the rows are tried: a Redis with what sends and merges, and gateways that come and go before it. */
import assert from 'node:assert/strict';
import { newChannel } from '../contract/protocol/kit.ts';
import { request } from '../support/http.ts';
import { type ServerEnv, type ServerProcess, startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import type { Page } from './page.ts';
import { type Player, startPlayers } from './players.ts';
import type { Scenario } from './rows.ts';

export interface Ground extends AsyncDisposable {
  /** Where changes go. */
  readonly url: string;
  gateway(env?: ServerEnv): Promise<ServerProcess>;
  /** A process that is all in one, and forgets all when it ends. */
  forgetful(): Promise<ServerProcess>;
  readonly page: Page;
}

export async function startGround(page: Page): Promise<Ground> {
  const redis = await startRedis();
  const started: ServerProcess[] = [];
  async function start(env: ServerEnv): Promise<ServerProcess> {
    const server = await startServer({ env });
    started.push(server);
    return server;
  }
  const shared = { REDIS_URL: redis.url };
  const { url } = await start({ ...shared, ROLES: 'bucket,merger' });
  return {
    ...{ url, page },
    gateway: (env) => start({ ...shared, ...env, ROLES: 'gateway', DRAIN_MS: '300' }),
    forgetful: () => start({}),
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((server) => server.kill9()));
      await redis.stop();
    },
  };
}

/** All rows in one scenario, on a channel of their own. */
export class Trial {
  readonly channel = newChannel();
  readonly #scenario: Scenario;
  readonly #page: Page;
  readonly players: Player[] = [];
  /** What was sent, in its order. */
  readonly sent: string[] = [];
  /** While all places were taken, by the name of a player. */
  readonly requestsPerS = new Map<string, number>();
  #seq = 0;

  constructor(scenario: Scenario, { page }: Ground) {
    this.#scenario = scenario;
    this.#page = page;
  }

  /** Those for whom it is not over there. */
  get staying(): readonly Player[] {
    return this.players.filter(({ row }) => !row.ends?.includes(this.#scenario));
  }

  async start({ url }: ServerProcess): Promise<void> {
    await startPlayers(url, this.channel, this.#page, this.players);
  }

  async send(url: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const body = String(++this.#seq);
      const path = `/c/${this.channel}?from=clients.${process.pid}&seq=${this.#seq}`;
      assert.equal((await request(url, path, { method: 'POST', body })).status, 204);
      this.sent.push(body);
    }
  }

  pointAt({ url }: ServerProcess): void {
    for (const { proxy } of this.players) proxy.pointAt(url);
  }

  /** Until a condition holds for those who stay; who does not come to it fails by what it has then, not by this. */
  async until(holds: (player: Player) => boolean, players = this.staying): Promise<void> {
    await waitFor(() => players.every(holds), { timeoutMs: 40_000, everyMs: 20, what: 'all' }).catch(() => {});
  }

  async synced(players = this.staying): Promise<void> {
    await this.until(({ seen }) => seen.statuses.length > 0, players);
  }

  /** Who comes back at all has done so, in vain: for some that is the end. @param before How often each had come. */
  async triedInVain(before: ReadonlyMap<Player, number>): Promise<void> {
    const returning = this.players.filter(({ row }) => !row.ends?.includes('drain'));
    await this.until((player) => player.proxy.accepted > before.get(player)!, returning);
  }

  accepted(): Map<Player, number> {
    return new Map(this.players.map((player) => [player, player.proxy.accepted]));
  }

  async all(): Promise<void> {
    await this.until(({ seen }) => seen.changes.length >= this.sent.length);
  }

  async end(): Promise<void> {
    await Promise.all(this.players.map((player) => player[Symbol.asyncDispose]()));
  }
}
