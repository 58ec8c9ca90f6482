/**
 * The transport: what a stream needs of its connection, and nothing else.
 *
 * A transport that `isFull` is not to be written to until `drained` resolves: what a client has not taken yet is kept as a
 * position, not as bytes.
 */
export interface Transport {
  write(bytes: Buffer | string): void;
  /** The connection takes no more for now. */
  readonly isFull: boolean;
  readonly isClosed: boolean;
  /** Resolves when the connection takes more again, or is closed. */
  drained(): Promise<void>;
  /** Whether something is waiting and nothing of it has been taken since the last call. */
  isStalled(): boolean;
  /** Sends what is left, then closes. */
  end(bytes: Buffer | string): void;
  destroy(): void;
  /** Told once, when the client has gone or after `end`. */
  listener: TransportListener | null;
}

export interface TransportListener {
  connectionClosed(): void;
}
