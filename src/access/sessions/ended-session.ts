/** What is said of a session that is over. It is not told apart from one that never was. */
import { Problem } from '../../errors.ts';
import { CHALLENGE } from '../principal.ts';

const ENDED = 'The session is over, or never was: POST /session with a token begins another.';

export function endedSession(): Problem {
  return new Problem('session_ended', ENDED, CHALLENGE);
}
