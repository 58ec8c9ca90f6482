/**
 * Counts what goes one way over a TLS 1.3 connection, from the bytes as they cross the wire: all of them, and, of the records that
 * carry what the two say to each other, what is in them. A record may come in any pieces (RFC 8446 §5.1).
 *
 * Until the handshake is over its own messages are in such records as well, so `payload` tells something only of what comes after it.
 */
const HEADER_BYTES = 5;
const APPLICATION_DATA = 23;
/** Of each record: the type of what is inside, and the tag of AES-GCM or ChaCha20-Poly1305 (RFC 8446 §5.2). */
const SEALED_BYTES = 1 + 16;

/** What one record costs beside what is in it. */
export const RECORD_COSTS_BYTES = HEADER_BYTES + SEALED_BYTES;

export interface OneWay {
  /** All that crossed, headers of records and handshake included. */
  readonly bytes: number;
  /** Of application data. */
  readonly records: number;
  /** What was in those. */
  readonly payload: number;
}

export class TlsRecords implements OneWay {
  bytes = 0;
  records = 0;
  payload = 0;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  /** How much of the header is there. */
  #filled = 0;
  /** How much of the record's body is still to come. */
  #left = 0;

  push(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
      } else {
        this.#header[this.#filled++] = chunk[at++]!;
        if (this.#filled === HEADER_BYTES) this.#begin();
      }
    }
  }

  now(): OneWay {
    const { bytes, records, payload } = this;
    return { bytes, records, payload };
  }

  #begin(): void {
    this.#filled = 0;
    this.#left = this.#header.readUInt16BE(3);
    if (this.#header[0] !== APPLICATION_DATA) return;
    this.records++;
    this.payload += this.#left - SEALED_BYTES;
  }
}
