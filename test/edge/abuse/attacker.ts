/** The process of an abuse: begins it, tells its figures, and ends it when it is told to or when nobody listens any more. */
import type { Attack, Order, Report } from './attack.ts';
import { Flood } from './floods.ts';
import { Replay } from './replay.ts';
import { SlowSenders } from './slow-senders.ts';

const TELL_EVERY_MS = 100;

function begin(order: Order): Attack {
  if (order.kind === 'slow') return new SlowSenders(order);
  if (order.kind === 'flood') return new Flood(order);
  return new Replay(order);
}

function tell(faults: Report['faults'], then?: () => void): void {
  process.send!({ figures: attack.figures, faults } satisfies Report, () => then?.());
}

const attack = begin(JSON.parse(process.argv[2]!) as Order);
const timer = setInterval(() => tell(null), TELL_EVERY_MS);
process.once('disconnect', () => process.exit(1));
process.on('message', async (what: 'rest' | 'end') => {
  if (what === 'rest') {
    attack.rest?.();
    return;
  }
  clearInterval(timer);
  attack.stop();
  const faults = await attack.faults();
  tell(faults, () => process.exit(0));
});
