/**
 * How many requests a turn of the event loop begins: thousands of connections that are open may ask in the same moment, and
 * libuv reads all of them before it looks at a timer. What is above waits; of those who wait each address is served in turn,
 * so that who has many connections is behind who has few.
 *
 * libuv accepts one connection a turn. While connections come, turns are short: else who connects waits for as many long
 * turns as others connected before. And those whose request costs much and has time, new streams, are held back: a
 * connection that has not been parsed yet is the cheapest that can wait.
 */
import { type Clock, systemClock } from '../clock.ts';
import { Chain, type Linked } from '../domain/chain.ts';
import { WaitingInTurn } from '../domain/waiting-in-turn.ts';
import { onceATurn } from './once-a-turn.ts';

/** Some 10 ms on a slow machine, for requests that fastify serves; streams and snapshots have gates of their own behind it. */
const BEGUN_PER_TURN = 32;
/** Two for each that comes, to be handed over and to be fed, or they would wait, and what they hold with them; and two for others. */
const BEGUN_WHILE_CONNECTING = 4;
/** After so many turns in which none has come, none waits to be accepted. */
const CONNECTING_TURNS = 2;
/** Held back while connections come: no more than these, so that whoever connects cannot make them many, */
const HELD_BACK_MAX = 1_000;
/** and none for longer than this. */
const HELD_BACK_MS = 1_000;

export interface Paced {
  /** Of the client, as its socket tells it. */
  readonly address: string;
  /** Whether it may be held back while connections come. */
  readonly hasTime?: boolean;
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

interface HeldBack extends Linked {
  readonly paced: Paced;
  readonly untilMs: number;
}

export function createPace(clock: Clock = systemClock): ServerPace {
  const waiting = new WaitingInTurn<Paced>();
  /** In the order in which they came. */
  const heldBack = new Chain<HeldBack>();
  let held = 0;
  let begun = 0;
  let most = BEGUN_PER_TURN;
  let connectingTurns = 0;

  const endTurn = onceATurn(nextTurn);

  function nextTurn(): void {
    begun = 0;
    most = connectingTurns === CONNECTING_TURNS ? BEGUN_WHILE_CONNECTING : BEGUN_PER_TURN;
    if (connectingTurns > 0) connectingTurns--;
    const nowMs = clock.elapsedMs();
    while (held > 0 && heldBack.first!.untilMs <= nowMs) waiting.add(letGo());
    while (begun < most) {
      const paced = next();
      if (!paced) break;
      begun++;
      paced.proceed();
    }
    if (begun > 0 || connectingTurns > 0 || held > 0) endTurn();
  }

  /**
   * Whose turn it is: of those held back only when nobody else waits and nobody connects, and few, for what is parsed and not yet a
   * stream takes twenty times what one that is held back does.
   */
  function next(): Paced | undefined {
    if (waiting.size > 0) return waiting.take();
    return held > 0 && connectingTurns === 0 && begun < BEGUN_WHILE_CONNECTING ? letGo() : undefined;
  }

  function wait(paced: Paced): void {
    waiting.add(paced);
    endTurn();
  }

  function holdBack(paced: Paced): void {
    if (held === HELD_BACK_MAX) waiting.add(letGo());
    held++;
    heldBack.append({ paced, untilMs: clock.elapsedMs() + HELD_BACK_MS, previous: undefined, next: undefined });
    endTurn();
  }

  /** @returns Who has been held back for longest, and is no more. */
  function letGo(): Paced {
    const first = heldBack.first!;
    heldBack.remove(first);
    held--;
    return first.paced;
  }

  return {
    enter(paced) {
      if (paced.hasTime && (connectingTurns > 0 || held > 0)) holdBack(paced);
      else if (begun < most && waiting.size === 0) {
        begun++;
        endTurn();
        return true;
      } else wait(paced);
      return false;
    },
    wait,
    connected() {
      connectingTurns = CONNECTING_TURNS;
      endTurn();
    },
  };
}
