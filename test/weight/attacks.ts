/** All attacks by name. */
import type { Attack } from './attack.ts';
import { conflation } from './attacks/conflation.ts';
import { drainingPolls } from './attacks/draining-polls.ts';
import { firstEvent } from './attacks/first-event.ts';
import { historyReaders } from './attacks/history-readers.ts';
import { idleConnections } from './attacks/idle-connections.ts';
import { largeChanges } from './attacks/large-changes.ts';
import { largeInbox } from './attacks/large-inbox.ts';
import { methodFlood } from './attacks/method-flood.ts';
import { missedChanges } from './attacks/missed-changes.ts';
import { namesPolled } from './attacks/names-polled.ts';
import { pipelined } from './attacks/pipelined.ts';
import { renewedEpoch } from './attacks/renewed-epoch.ts';
import { stateResets } from './attacks/state-resets.ts';
import { unreadAnswers } from './attacks/unread-answers.ts';
import { waitingPolls } from './attacks/waiting-polls.ts';

export const attacks: readonly Attack[] = [
  ...conflation,
  ...pipelined,
  ...unreadAnswers,
  ...namesPolled,
  ...stateResets,
  ...renewedEpoch,
  ...firstEvent,
  ...largeChanges,
  largeInbox,
  missedChanges,
  historyReaders,
  drainingPolls,
  waitingPolls,
  idleConnections,
  methodFlood,
];

export function attackOf(name: string): Attack {
  const found = attacks.find((attack) => attack.name === name);
  if (found === undefined) throw new Error(`there are ${attacks.map((attack) => attack.name).join(', ')}`);
  return found;
}
