/**
 * A way to talk: how a client sends a change and hears an event, over TLS 1.3, to a port that counts.
 *
 * Invariant: `send` resolves when the change is answered, or, where a way has no answer, when it was given to the connection; `publish`
 * never goes through what counts.
 */
export interface Sender {
  /** One change of one byte. */
  send(): Promise<void>;
  close(): void | Promise<void>;
}

export interface Listener {
  /** How many events of one byte it has heard. */
  heard(): number | Promise<number>;
  close(): void | Promise<void>;
}

export interface Way {
  readonly name: string;
  /** Where its TLS ends. */
  readonly port: number;
  /** Connects and sends the first. */
  sender(port: number): Promise<Sender>;
  /** Connects, and resolves when it would hear the next event. Absent where another row shows the same. */
  readonly listener?: (port: number) => Promise<Listener>;
  /** Sends something that listeners hear, as somebody else. */
  publish?(): Promise<void>;
}

/** Several ways that one server has. */
export interface Ways extends AsyncDisposable {
  readonly ways: readonly Way[];
}
