/**
 * How many requests a turn of the event loop begins: thousands of connections that are open may ask in the same moment, and
 * libuv reads all of them before it looks at a timer. What is above waits; of those who wait each address is served in turn,
 * so that who has many connections is behind who has few.
 *
 * libuv accepts one connection a turn. While connections come, turns are short: else who connects waits for as many long
 * turns as others connected before.
 */
import { onceATurn } from './once-a-turn.ts';

/** Some 10 ms on a slow machine, for requests that fastify serves; streams and snapshots have gates of their own behind it. */
const BEGUN_PER_TURN = 32;
/** Two for each that comes, to be handed over and to be fed, or they would wait, and what they hold with them; and two for others. */
const BEGUN_WHILE_CONNECTING = 4;

export interface Paced {
  /** Of the client, as its socket tells it. */
  readonly address: string;
  /** It is this one's turn. */
  proceed(): void;
}

export interface Pace {
  /** @returns true: it may go on at once. Else it waits, and is told to proceed. */
  enter(paced: Paced): boolean;
  /** Has one wait for a later turn. */
  wait(paced: Paced): void;
}

export interface ServerPace extends Pace {
  /** Must be told of every connection that comes. */
  connected(): void;
}

export function createPace(): ServerPace {
  /** Of each address those that wait, the longest first. The addresses stand in the order in which they are served. */
  const waiting = new Map<string, Row>();
  let begun = 0;
  let most = BEGUN_PER_TURN;
  let isConnecting = false;

  const endTurn = onceATurn(nextTurn);

  function nextTurn(): void {
    begun = 0;
    most = isConnecting ? BEGUN_WHILE_CONNECTING : BEGUN_PER_TURN;
    while (begun < most && waiting.size > 0) {
      begun++;
      takeNext().proceed();
    }
    if (begun > 0 || isConnecting) endTurn();
    isConnecting = false;
  }

  function takeNext(): Paced {
    const [address, row] = waiting.entries().next().value!;
    waiting.delete(address);
    const paced = row.items[row.next++]!;
    if (row.next < row.items.length) waiting.set(address, row);
    return paced;
  }

  function wait(paced: Paced): void {
    const row = waiting.get(paced.address);
    if (row) row.items.push(paced);
    else waiting.set(paced.address, { items: [paced], next: 0 });
    endTurn();
  }

  return {
    enter(paced) {
      if (begun < most && waiting.size === 0) {
        begun++;
        endTurn();
        return true;
      }
      wait(paced);
      return false;
    },
    wait,
    connected() {
      isConnecting = true;
      endTurn();
    },
  };
}

interface Row {
  readonly items: Paced[];
  next: number;
}
