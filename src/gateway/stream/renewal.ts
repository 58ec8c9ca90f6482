/**
 * What becomes of a stream whose session was renewed, or is over (P36), whose token has expired (P35) or was revoked (P42): it goes on to the
 * new end, or ends where it may not go on.
 *
 * A session or a `sub` may have thousands of streams, and thousands of tokens the same `exp`: each stream has its turn.
 */
import type { Principal } from '../../access/access.ts';
import type { Clock } from '../../clock.ts';
import type { Problem } from '../../errors.ts';
import { inTurn, type Turns } from '../turns.ts';
import { endingAuthFrame, narrowedFrame, renewedFrame } from './auth-frame.ts';
import { moveDeadline } from './deadline.ts';
import type { EndReason, Stream, StreamOwner } from './stream.ts';

export interface RenewalDeps {
  readonly clock: Clock;
  readonly turns: Turns;
  /** At about which age a stream is asked to come back; 0: never. */
  readonly streamMaxAgeMs: number;
  /** Its deadline has come. @returns Whether it goes on. */
  readonly due: (stream: Stream) => boolean;
  readonly end: (stream: Stream, reason: EndReason, lastWords: string) => void;
  readonly failed: (stream: Stream, error: unknown) => void;
}

export interface Renewal extends Pick<StreamOwner, 'renewed' | 'signedOut'> {
  expired(stream: Stream): void;
}

export function createRenewal(deps: RenewalDeps): Renewal {
  const { clock, turns, streamMaxAgeMs, due, end, failed } = deps;

  /** It may have been moved to a time before the stream is looked at again. */
  function lookAtDeadline(stream: Stream): void {
    const { leavesMs } = stream;
    const look = () => {
      if (stream.isClosed || stream.leavesMs !== leavesMs) return;
      if (due(stream)) lookAtDeadline(stream);
    };
    setTimeout(look, Math.max(0, Math.ceil(leavesMs - clock.elapsedMs()))).unref();
  }

  /** What goes wrong with one is that one's. */
  function inItsTurn(stream: Stream, act: () => void): void {
    inTurn(turns, () => {
      if (!stream.isClosed) act();
    }).catch((error: unknown) => failed(stream, error));
  }

  function goOn(stream: Stream, principal: Principal): void {
    const { hubs, format } = stream.audience;
    const lost = hubs.map(({ channel }) => channel).filter((channel) => principal.refusal('subscribe', [channel]));
    if (lost.length > 0) {
      end(stream, 'narrowed', format.control(narrowedFrame(lost)));
      return;
    }
    const nowMs = clock.elapsedMs();
    const isEarlier = moveDeadline(stream, streamMaxAgeMs, nowMs, clock.wallMs());
    if (!stream.transport.isFull) {
      stream.write(format.control(renewedFrame(stream.identity!.expiresMs - clock.wallMs())), nowMs);
    }
    if (isEarlier) lookAtDeadline(stream);
  }

  function signOut(stream: Stream, { code }: Problem): void {
    over(stream, code === 'ticket_replaced' ? 'replaced' : 'revoked');
  }

  function over(stream: Stream, status: 'expired' | 'replaced' | 'revoked'): void {
    end(stream, status, stream.audience.format.control(endingAuthFrame(status)));
  }

  return {
    renewed: (stream, principal) => inItsTurn(stream, () => goOn(stream, principal)),
    signedOut: (stream, problem) => inItsTurn(stream, () => signOut(stream, problem)),
    expired: (stream) => inItsTurn(stream, () => over(stream, 'expired')),
  };
}
