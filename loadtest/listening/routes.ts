/** From where to where each stream connects, and what it asks for there. */
import type { Ledger } from '../ledger/ledger.ts';
import type { Random } from '../measures/random.ts';
import type { Address, Work } from '../run/messages.ts';

export interface Route {
  readonly host: string;
  readonly port: number;
  readonly localAddress?: string;
  readonly localPort?: number;
}

export class Routes {
  readonly #work: Work;
  readonly #ledger: Ledger;
  /** Of each source address, the port that is used next, counted from the first that may be used. */
  readonly #nextPorts: number[];

  constructor(work: Work, ledger: Ledger, random: Random) {
    this.#work = work;
    this.#ledger = ledger;
    this.#nextPorts = work.plan.sources.map(() => random.int(work.plan.ports.count));
  }

  /** Another one each time. */
  next(row: number): Route {
    const { host, port } = this.#addressOf(row);
    const { sources, ports } = this.#work.plan;
    if (sources.length === 0) return { host, port };
    const source = row % sources.length;
    const next = this.#nextPorts[source]!;
    this.#nextPorts[source] = (next + 1) % ports.count;
    return { host, port, localAddress: sources[source]!, localPort: ports.from + next };
  }

  requestOf(row: number): string {
    const { rooms, positions } = this.#ledger;
    const fields = rooms.isWitness(row) ? '?with=from,seq' : '';
    const cursor = positions.cursorOf(row);
    const resume = cursor === undefined ? '' : `Last-Event-ID: ${cursor}\r\n`;
    return (
      `GET /c/${rooms.ofRow(row).name}/events${fields} HTTP/1.1\r\nHost: ${this.#addressOf(row).name}\r\n` +
      `Accept: text/event-stream\r\n${resume}\r\n`
    );
  }

  /** Streams of a channel go to as many targets as they are to be spread over, each channel beginning at another. */
  #addressOf(row: number): Address {
    const { streamsTargets, options } = this.#work;
    const { part, firstRow } = this.#ledger.rooms.ofRow(row);
    const index = part.before + row - firstRow;
    const perRoom = Math.max(1, Math.round(options.streams / options.channels));
    // With a spread over all, streams take turns whatever their channel is: every target gets as many as any other.
    const turn =
      options.spread === streamsTargets.length ? part.room * perRoom + index : part.room + (index % options.spread);
    return streamsTargets[turn % streamsTargets.length]!;
  }
}
