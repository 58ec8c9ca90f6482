/** What the connection is like, in words for a person. Whatever is not live is never called connected. */
import type { Status } from '../../client/client.ts';

export interface StateWords {
  readonly tone: 'good' | 'busy' | 'bad';
  readonly words: string;
  /** What it means for who reads it; empty where all is well. */
  readonly detail: string;
  /** Whether trying again at once makes sense. */
  readonly mayRetry: boolean;
}

const KEPT = 'What you send is kept, and goes out once it is back.';

/** Why it is away, by the library's and the server's reasons. */
const AWAY: Readonly<Record<string, string>> = {
  silent: 'Nothing came for too long, so the stream was given up.',
  buffered: 'Something on the way holds events back: another way is tried.',
  refused: 'The server does not answer, or not now.',
  capacity: 'The server is full.',
  overloaded: 'The server is full.',
  drain: 'The server is about to stop: another one is asked.',
  age: 'The server asked us to come again.',
  rebalance: 'The server asked us to come again.',
  'not-our-server': 'Something else answered: perhaps this network wants a sign-in first.',
};

/** Why it was refused, by the library's reasons and the codes of problems. */
const REFUSED: Readonly<Record<string, string>> = {
  unauthorized: 'This server lets in only who brings a token, and this page has none.',
  'not-our-server': 'What answers is not this server: perhaps this network wants a sign-in first.',
  forged_request: 'The server does not know this address as its own.',
};

function open({ reason }: Status, pending: number): StateWords {
  if (reason === 'degraded') {
    const detail = 'The part of the store that has this room is away. Nothing new comes until it is back.';
    return { tone: 'busy', words: 'Waiting for the store', detail, mayRetry: false };
  }
  const isFleeting = reason === 'not-durable' && pending > 0;
  const detail = isFleeting ? 'What waits is lost if you close this page.' : '';
  return { tone: 'good', words: 'Connected', detail, mayRetry: false };
}

/** @param hasNetwork What the device says of itself. */
export function stateWords(status: Status, hasNetwork: boolean, pending: number): StateWords {
  const { state, reason = '' } = status;
  if (state !== 'failed' && !hasNetwork) {
    return { tone: 'bad', words: 'Offline', detail: `This device has no network. ${KEPT}`, mayRetry: false };
  }
  switch (state) {
    case 'open':
      return open(status, pending);
    case 'connecting':
      return { tone: 'busy', words: 'Connecting…', detail: '', mayRetry: false };
    case 'parked':
      return { tone: 'busy', words: 'Asleep', detail: 'Nobody looks, so nothing is open.', mayRetry: true };
    case 'offline': {
      const why = AWAY[reason] ?? 'The server does not answer.';
      return { tone: 'bad', words: 'No connection', detail: `${why} Trying again by itself. ${KEPT}`, mayRetry: true };
    }
    case 'failed': {
      const detail = REFUSED[reason] ?? `The server said no (${reason}).`;
      return { tone: 'bad', words: 'Refused', detail, mayRetry: true };
    }
    case 'closed':
      return { tone: 'busy', words: 'No room', detail: 'Name a room to enter it.', mayRetry: false };
  }
}
