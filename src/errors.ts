/**
 * Every error a client, an operator or another module can meet: one table, one class each for what a request did wrong
 * and for an engine that does not answer.
 */

interface ErrorRow {
  readonly status: number;
  /** Whether the very same request may succeed later. */
  readonly retryable: boolean;
  /** What is wrong, in a few words; the same for every occurrence (RFC 9457 `title`). */
  readonly title: string;
}

export const errorTable = {
  bad_request: { status: 400, retryable: false, title: 'The request is not well-formed' },
  bad_channel: { status: 400, retryable: false, title: 'Not a channel name' },
  too_many_channels: { status: 400, retryable: false, title: 'Too many channels' },
  repeated_channel: { status: 400, retryable: false, title: 'A channel is named twice' },
  repeated_parameter: { status: 400, retryable: false, title: 'A parameter is given twice' },
  bad_parameter: { status: 400, retryable: false, title: 'A parameter has no such value' },
  empty_change: { status: 400, retryable: false, title: 'The change is empty' },
  bad_from: { status: 400, retryable: false, title: 'Not a publisher name' },
  bad_seq: { status: 400, retryable: false, title: 'Not a sequence number' },
  seq_without_from: { status: 400, retryable: false, title: 'A sequence number needs a publisher' },
  bad_batch: { status: 400, retryable: false, title: 'Not a batch of changes' },
  batch_without_seq: { status: 400, retryable: false, title: 'A batch needs from and seq' },
  put_without_seq: { status: 400, retryable: false, title: 'PUT needs from and seq' },
  unauthenticated: { status: 401, retryable: false, title: 'Nobody has said who this is' },
  invalid_token: { status: 401, retryable: false, title: 'The token is not valid' },
  token_expired: { status: 401, retryable: false, title: 'The token has expired' },
  token_revoked: { status: 401, retryable: false, title: 'The token was revoked' },
  session_ended: { status: 401, retryable: false, title: 'The session is over' },
  bad_ticket: { status: 401, retryable: false, title: 'The ticket is not good here' },
  ticket_replaced: { status: 401, retryable: false, title: 'The ticket has another stream' },
  forbidden: { status: 403, retryable: false, title: 'The token does not grant this' },
  forged_request: { status: 403, retryable: false, title: 'The request seems to be made by a page of another site' },
  not_found: { status: 404, retryable: false, title: 'No such path' },
  not_local: { status: 404, retryable: false, title: 'No such path' },
  method_not_allowed: { status: 405, retryable: false, title: 'No such method here' },
  not_acceptable: { status: 406, retryable: false, title: 'No such format' },
  not_secure: { status: 409, retryable: false, title: 'A browser would drop this cookie' },
  change_too_large: { status: 413, retryable: false, title: 'The change is too large' },
  batch_too_large: { status: 413, retryable: false, title: 'The batch is too large' },
  unsupported_encoding: { status: 415, retryable: false, title: 'A change is sent as it is, without content coding' },
  bad_expectation: { status: 417, retryable: false, title: 'Nothing of the kind can be expected here' },
  not_a_change: { status: 422, retryable: false, title: 'A batch has changes only' },
  too_many_changes: { status: 429, retryable: true, title: 'More changes than one may send' },
  too_many_streams: { status: 429, retryable: true, title: 'More streams than one may have' },
  too_many_failures: { status: 429, retryable: true, title: 'More bad credentials than one may send' },
  too_many_sessions: { status: 429, retryable: true, title: 'More sessions or tickets than one may ask for' },
  too_many_new_channels: { status: 429, retryable: true, title: 'More new channels than one may begin' },
  archive_unknown: { status: 501, retryable: false, title: 'There is an archive that is not known here' },
  inbox_full: { status: 503, retryable: true, title: 'The merge is behind' },
  not_merged: { status: 503, retryable: true, title: 'Not merged in time' },
  auth_unavailable: { status: 503, retryable: true, title: 'Nobody can say now who this is' },
  revocations_full: { status: 503, retryable: true, title: 'More revocations than are kept' },
  engine_unavailable: { status: 503, retryable: true, title: 'The store does not answer' },
  overloaded: { status: 503, retryable: true, title: 'No room for it here now' },
  draining: { status: 503, retryable: true, title: 'This server is going away' },
  internal: { status: 500, retryable: true, title: 'This server made a mistake' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** What a request did wrong, or why it cannot be served now. Becomes `application/problem+json`. */
export class Problem extends Error {
  readonly code: ErrorCode;
  /** Header fields that belong to the answer, such as `Allow`. */
  readonly headers: Readonly<Record<string, string>>;

  /** @param detail A sentence that says what would be right. Never contains what the client sent. */
  constructor(code: ErrorCode, detail: string, headers: Readonly<Record<string, string>> = {}) {
    // Where it was made, nobody asks, and to find out took a fifth of a refusal.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'Problem';
    this.code = code;
    this.headers = headers;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/** The engine did not do what it was asked, or did not say whether it did. The same call may succeed later. */
export class EngineUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineUnavailable';
  }
}

/** The store refuses what is needed, until its operator allows it: nothing is asked of it meanwhile. */
export class EngineForbidden extends EngineUnavailable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineForbidden';
  }
}

/** The store cannot be used as it is: too old, or set up for something else. One sentence for the operator; final. */
export class EngineUnusable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineUnusable';
  }
}

/** The store cannot be reached, or is not ready yet: whoever starts together with it waits a little. */
export class EngineUnreachable extends EngineUnusable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineUnreachable';
  }
}

/** The archive did not do what it was asked, or did not say whether it did. The same call may succeed later. */
export class ArchiveUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ArchiveUnavailable';
  }
}

/** The archive cannot be used as it is: not there, of another version, or of another fleet. One sentence for the operator. */
export class ArchiveUnusable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ArchiveUnusable';
  }
}
