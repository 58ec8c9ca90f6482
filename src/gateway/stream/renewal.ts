/**
 * What becomes of a stream whose session was renewed, or is over (P36): it goes on to the new end, or ends where it may not go on.
 */
import type { Principal } from '../../access/access.ts';
import type { Clock } from '../../clock.ts';
import type { Problem } from '../../errors.ts';
import { endingAuthFrame, narrowedFrame, renewedFrame } from './auth-frame.ts';
import { moveDeadline } from './deadline.ts';
import type { EndReason, Stream, StreamOwner } from './stream.ts';

export interface RenewalDeps {
  readonly clock: Clock;
  /** At about which age a stream is asked to come back; 0: never. */
  readonly streamMaxAgeMs: number;
  /** Its deadline has come. @returns Whether it goes on. */
  readonly due: (stream: Stream) => boolean;
  readonly end: (stream: Stream, reason: EndReason, lastWords: string) => void;
}

export function createRenewal({
  clock,
  streamMaxAgeMs,
  due,
  end,
}: RenewalDeps): Pick<StreamOwner, 'renewed' | 'signedOut'> {
  /** It may have been moved to a time before the stream is looked at again. */
  function lookAtDeadline(stream: Stream): void {
    const { leavesMs } = stream;
    const look = () => {
      if (stream.isClosed || stream.leavesMs !== leavesMs) return;
      if (due(stream)) lookAtDeadline(stream);
    };
    setTimeout(look, Math.max(0, Math.ceil(leavesMs - clock.elapsedMs()))).unref();
  }

  return {
    renewed(stream: Stream, principal: Principal) {
      if (stream.isClosed) return;
      const { hubs, format } = stream.audience;
      const lost = hubs.map(({ channel }) => channel).filter((channel) => principal.refusal('subscribe', [channel]));
      if (lost.length > 0) return end(stream, 'narrowed', format.control(narrowedFrame(lost)));
      const nowMs = clock.elapsedMs();
      const isEarlier = moveDeadline(stream, streamMaxAgeMs, nowMs, clock.wallMs());
      if (!stream.transport.isFull) {
        stream.write(format.control(renewedFrame(stream.identity!.expiresMs - clock.wallMs())), nowMs);
      }
      if (isEarlier) lookAtDeadline(stream);
    },
    signedOut(stream: Stream, { code }: Problem) {
      if (stream.isClosed) return;
      const isReplaced = code === 'ticket_replaced';
      const frame = endingAuthFrame(isReplaced ? 'replaced' : 'revoked');
      end(stream, isReplaced ? 'replaced' : 'revoked', stream.audience.format.control(frame));
    },
  };
}
