/** Who comes with a ticket: may receive its channels by one stream, as long as the session that it was made for may, and nothing else. */
import type { Channel } from '../../domain/channel.ts';
import { Problem } from '../../errors.ts';
import type { Identity, Principal, Right } from '../access.ts';
import { CHALLENGE } from '../principal.ts';
import { RevocableIdentity } from '../revocable.ts';
import type { TicketRecord } from './ticket-record.ts';

const BAD =
  'A ticket of POST /tickets opens one stream of its own channels: within 30 s, and again within 60 s after that has ended.';
const REPLACED = 'The ticket was used for another stream, which has it now.';
const FORBIDDEN = 'Whoever asked for the ticket was granted the history of each of its channels.';

export function badTicket(): Problem {
  return new Problem('bad_ticket', BAD, CHALLENGE);
}

export function replacedTicket(): Problem {
  return new Problem('ticket_replaced', REPLACED, CHALLENGE);
}

export class TicketPrincipal implements Principal {
  readonly identity: Identity;
  readonly #record: TicketRecord;
  /** Of the session that it was made for. */
  readonly #session: Principal | null;
  readonly #take: () => Promise<Identity>;

  constructor(record: TicketRecord, session: Principal | null, take: () => Promise<Identity>) {
    this.#record = record;
    this.#session = session;
    this.#take = take;
    this.identity = session?.identity ?? new RevocableIdentity(record);
  }

  refusal(right: Right, channels: readonly Channel[]): Problem | undefined {
    if (right === 'publish' || !channels.every((channel) => this.#record.channels.includes(channel)))
      return badTicket();
    if (right === 'history' && !this.#record.isPastOpen) return new Problem('forbidden', FORBIDDEN);
    return this.#session?.refusal(right, channels);
  }

  changeRefusal(): Problem {
    return badTicket();
  }

  expired(): Problem {
    return badTicket();
  }

  hold(): Promise<Identity> {
    return this.#take();
  }
}
