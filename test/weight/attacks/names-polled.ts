/** Polls of channels that nobody has ever heard of, sixteen a request, each name once. */
import type { Attack, Drive, Size } from '../attack.ts';
import { metricOf } from '../filling.ts';
import { sendAll } from '../sending.ts';
import { get } from '../sockets.ts';

const NAMES: Readonly<Record<Size, number>> = { small: 60_000, full: 1_000_000 };
const NAMES_A_REQUEST = 16;
/** Channels without a reader that a gateway keeps for who comes back. */
const IDLE_HUBS_MAX = 10_000;
const NAME_LENGTH = 64;
const TIMEOUT_MS: Readonly<Record<Size, number>> = { small: 15_000, full: 180_000 };

function attack(store: Attack['store']): Attack {
  return {
    name: `names-polled-${store}`,
    promise: '1,000,000 channel names are polled, and none of them is kept',
    store,
    isVariant: store === 'redis',
    holds: ['hubs'],
    drive,
  };
}

async function drive({ target, size }: Drive) {
  const nameOf = (i: number) => `n${i}-`.padEnd(NAME_LENGTH, 'x');
  const answers = await sendAll({
    url: target.gatewayUrl,
    count: Math.ceil(NAMES[size] / NAMES_A_REQUEST),
    connections: 16,
    timeoutMs: TIMEOUT_MS[size],
    request(i) {
      const names = Array.from({ length: NAMES_A_REQUEST }, (_, n) => nameOf(i * NAMES_A_REQUEST + n));
      return get(`/c/${names.join()}/events?format=json`);
    },
  });
  const kept = await metricOf(target, 'smallchange_idle_hubs');
  const faults = answers.faults('a poll', 200, 503);
  if (!(kept <= IDLE_HUBS_MAX)) faults.push(`${kept} channels are kept for nobody, ${IDLE_HUBS_MAX} are the most`);
  return { figures: { names: answers.of(200) * NAMES_A_REQUEST, polls: `${answers}`, kept }, faults };
}

export const namesPolled: readonly Attack[] = [attack('memory'), attack('redis')];
