/** The channels of a process, found by the row of a stream or the number of a client. */
import type { RoomPart } from '../run/plan.ts';
import { Room } from './room.ts';
import { shownOf } from './shown-from.ts';

export class Rooms {
  readonly all: readonly Room[];
  /** Streams of this process, numbered from 0. */
  readonly rows: number;
  /** Clients of its channels, numbered from 0. */
  readonly clients: number;
  readonly #ofRow: Uint32Array;
  readonly #ofClient: Uint32Array;
  readonly #nonce: string;
  /** By number of a client within its channel, what readers are shown of it. */
  readonly #shown: string[] = [];

  constructor(parts: readonly RoomPart[], nonce: string) {
    this.#nonce = nonce;
    let row = 0;
    let client = 0;
    this.all = parts.map((part) => {
      const room = new Room(`lt-${nonce}-${part.room}`, part, row, client);
      row += part.streams;
      client += part.clients;
      return room;
    });
    this.rows = row;
    this.clients = client;
    this.#ofRow = new Uint32Array(row);
    this.#ofClient = new Uint32Array(client);
    for (const [index, { part, firstRow, firstClient }] of this.all.entries()) {
      this.#ofRow.fill(index, firstRow, firstRow + part.streams);
      this.#ofClient.fill(index, firstClient, firstClient + part.clients);
    }
  }

  ofRow(row: number): Room {
    return this.all[this.#ofRow[row]!]!;
  }

  ofClient(client: number): Room {
    return this.all[this.#ofClient[client]!]!;
  }

  /** What a client of a channel is called in `from`. */
  nameOf(client: number): string {
    return `c${client - this.ofClient(client).firstClient}.${this.#nonce}`;
  }

  /** The client of a channel that readers are shown so; undefined when none is. */
  clientOf({ part, firstClient }: Room, shown: string): number | undefined {
    const digits = /^c(\d+)~/.exec(shown)?.[1];
    const number = digits === undefined ? part.clients : Number(digits);
    if (number >= part.clients || this.#shownOf(number) !== shown) return undefined;
    return firstClient + number;
  }

  /** Channels have the same names for their clients, so there are as many as the largest has. */
  #shownOf(number: number): string {
    this.#shown[number] ??= shownOf(`c${number}.${this.#nonce}`);
    return this.#shown[number];
  }

  /** The first stream of a channel, which is told whose change each event is. */
  isWitness(row: number): boolean {
    return this.ofRow(row).firstRow === row;
  }
}
