/** For how long a poll may wait on behalf of somebody: until that one's time is over, which may move, or what was granted is not any more. */
import type { Follower, Principal } from '../../access/access.ts';
import type { Clock } from '../../clock.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Problem } from '../../errors.ts';
import { inTurn, type Turns } from '../turns.ts';
import { WAIT_MAX_S } from './request.ts';

/** @param end Called once it may not wait any more. @returns Ends the watch. */
export type Standing = (end: (problem: Problem) => void) => () => void;

export interface StandingDeps {
  readonly clock: Clock;
  /** Thousands may end in the same moment. */
  readonly turns: Turns;
}

export function standingOf(
  principal: Principal,
  channels: readonly Channel[],
  { clock, turns }: StandingDeps,
): Standing {
  const { identity } = principal;
  const leftMs = () => identity.expiresMs - clock.wallMs();
  return (endNow) => {
    const end = (problem: Problem) => void inTurn(turns, () => endNow(problem));
    let timer: NodeJS.Timeout | undefined;
    const endInTime = () => {
      clearTimeout(timer);
      const afterMs = leftMs();
      if (afterMs <= 0) end(principal.expired());
      // No poll waits for longer.
      else if (afterMs < WAIT_MAX_S * 1000) timer = setTimeout(endInTime, Math.ceil(afterMs));
    };
    const follower: Follower = {
      renewed(now) {
        const refusal = now.refusal('subscribe', channels);
        if (refusal !== undefined) end(refusal);
        else endInTime();
      },
      ended: end,
    };
    endInTime();
    identity.follow?.(follower, principal);
    return () => {
      clearTimeout(timer);
      identity.leave?.(follower);
    };
  };
}
