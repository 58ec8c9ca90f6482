/**
 * Connections that have sent one change and keep silent, more of them than a server may open files; meanwhile its connections to
 * Redis are cut. It comes back to Redis, and takes changes from who has just come.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../../support/http.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { commandRedis } from '../redis-line.ts';
import { post, RawConnection } from '../sockets.ts';

const FILES: Readonly<Record<Size, number>> = { small: 512, full: 2_048 };
const BEYOND = 300;
const BACK_MS = 20_000;
/** Who has just come tries so often. */
const TRIES = 20;

async function drive({ target, size }: Drive) {
  let [answered, refused] = [0, 0];
  const idle = Array.from({ length: FILES[size] + BEYOND }, (_, i) => {
    const onAnswer = ({ status }: { status: number }) => {
      if (status === 204) answered++;
    };
    const connection = new RawConnection(target.bucketUrl, { onAnswer, onClose: () => refused++ });
    void connection.send(post(`/c/idle-${i % 100}`, 'x'));
    return connection;
  });
  await sleep(1_000);
  const heldAtMost = answered - refused;
  for (const kind of ['normal', 'pubsub']) await commandRedis(target.redisPort!, 'CLIENT', 'KILL', 'TYPE', kind);
  const startedMs = performance.now();
  let accepted = 0;
  let firstMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES && performance.now() - startedMs < BACK_MS; i++) {
    const init = { method: 'POST', body: 'fresh', timeoutMs: 2_000 };
    const status = await request(target.bucketUrl, '/c/fresh', init).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 204) firstMs = Math.min(firstMs, performance.now() - startedMs);
    if (status === 204) accepted++;
    await sleep(200);
  }
  const left = idle.filter(({ isClosed }) => !isClosed).length;
  for (const connection of idle) connection.close();
  const faults =
    accepted < TRIES / 2 ? [`${accepted} of ${TRIES} fresh changes were accepted beside idle connections`] : [];
  const figures = {
    connections: idle.length,
    'had a 204': answered,
    held: Math.max(0, heldAtMost),
    'held at the end': left,
  };
  return {
    figures: { ...figures, 'fresh accepted': `${accepted} of ${TRIES}`, 'after, ms': Math.round(firstMs) },
    faults,
  };
}

export const idleConnections: Attack = {
  name: 'idle-connections',
  promise: 'idle connections beyond the descriptors do not keep a server from Redis, nor from who comes with a change',
  store: 'redis',
  descriptors: (size) => FILES[size],
  holds: ['answers'],
  cutsStore: true,
  drive,
};
