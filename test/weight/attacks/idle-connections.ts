/**
 * Connections that have sent one change and keep silent, more of them than a server may open files; meanwhile its connections to
 * Redis are cut. It comes back to Redis, and takes changes from who has just come.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../../support/http.ts';
import { waitFor } from '../../support/wait.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { commandRedis } from '../redis-line.ts';
import { post, RawConnection } from '../sockets.ts';

const FILES: Readonly<Record<Size, number>> = { small: 512, full: 2_048 };
const BEYOND = 300;
/** Back-offs of a second and more, on a machine that does ten things. */
const BACK_MS = 60_000;
const FRESH = { method: 'POST', body: 'fresh', timeoutMs: 5_000 };
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
  const isAccepted = () =>
    request(target.bucketUrl, '/c/fresh', FRESH).then(
      ({ status }) => status === 204,
      () => false,
    );
  const isBack = await waitFor(isAccepted, { timeoutMs: BACK_MS, everyMs: 200, what: 'the first change' }).catch(
    () => false,
  );
  const backMs = Math.round(performance.now() - startedMs);
  let accepted = 0;
  for (let i = 0; isBack && i < TRIES; i++) if (await isAccepted()) accepted++;
  const left = idle.filter(({ isClosed }) => !isClosed).length;
  for (const connection of idle) connection.close();
  const faults = isBack ? [] : [`no change was accepted in ${BACK_MS} ms after Redis had cut it off`];
  if (isBack && accepted < TRIES / 2)
    faults.push(`${accepted} of ${TRIES} fresh changes were accepted beside idle connections`);
  const figures = {
    connections: idle.length,
    'had a 204': answered,
    held: Math.max(0, heldAtMost),
    'held at the end': left,
  };
  return {
    figures: { ...figures, 'fresh accepted': `${accepted} of ${TRIES}`, 'back after, ms': backMs },
    faults,
  };
}

export const idleConnections: Attack = {
  name: 'idle-connections',
  isVariant: true,
  promise: 'idle connections beyond the descriptors do not keep a server from Redis, nor from who comes with a change',
  store: 'redis',
  descriptors: (size) => FILES[size],
  holds: ['answers'],
  cuts: 'all',
  cutsIdle: true,
  drive,
};
