/** Access where everybody is anybody: nothing is asked of a request, and nothing of it is looked at. */
import type { Access } from './access.ts';
import { unlimited } from './limiter.ts';
import { everybody } from './principal.ts';

export const anonymousAccess: Access = {
  limits: unlimited,
  recall: () => everybody,
  endOfKnown: () => -1,
  identify: () => everybody,
  sessions: null,
  revocations: null,
  close: () => undefined,
};
