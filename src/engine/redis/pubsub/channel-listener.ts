/** Hears what is published of one channel, and tells its observer in the engine's words. */
import type { ChannelObserver } from '../../engine.ts';
import { decodeBatch } from '../codec/codec.ts';
import type { Listener } from './listener.ts';

export class ChannelListener implements Listener {
  readonly #observer: ChannelObserver;
  readonly #epochName: string;
  readonly #onUnreadable: (error: unknown) => void;

  constructor(observer: ChannelObserver, epochName: string, onUnreadable: (error: unknown) => void) {
    this.#observer = observer;
    this.#epochName = epochName;
    this.#onUnreadable = onUnreadable;
  }

  published(name: string, payload: Buffer): void {
    const batch = name === this.#epochName ? undefined : this.#batchOf(payload);
    if (batch === undefined) this.#observer.suspect();
    else this.#observer.published(batch.epoch, batch.events);
  }

  missed(): void {
    this.#observer.suspect();
  }

  #batchOf(payload: Buffer): ReturnType<typeof decodeBatch> | undefined {
    try {
      return decodeBatch(payload);
    } catch (error) {
      this.#onUnreadable(error);
      return undefined;
    }
  }
}
