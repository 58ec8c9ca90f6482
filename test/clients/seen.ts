/** What a client showed: its control frames, and the changes that it was given, each as bytes. */
import type { Row } from './rows.ts';

/** As a recipe shows an event: its type and its data. */
export type Shown = readonly [type: string, data: string];

interface Carrier {
  readonly data?: string;
  readonly b64?: string;
}

export class Seen {
  readonly #isEnveloped: boolean;
  readonly changes: Buffer[] = [];
  /** Of each `$sync`. */
  readonly statuses: string[] = [];
  readonly controls: string[] = [];

  constructor({ query = '' }: Pick<Row, 'query'>) {
    this.#isEnveloped = query.includes('with=');
  }

  take([type, data]: Shown): void {
    if (type === '$binary' || (type === 'message' && this.#isEnveloped && data !== '')) {
      const carrier = JSON.parse(data) as Carrier;
      this.changes.push(carrier.b64 === undefined ? Buffer.from(carrier.data!) : Buffer.from(carrier.b64, 'base64'));
    } else if (type === 'message') {
      this.changes.push(Buffer.from(data));
    } else {
      this.controls.push(type);
      if (type === '$sync') this.statuses.push((JSON.parse(data) as { status: string }).status);
    }
  }

  get texts(): string[] {
    return this.changes.map(String);
  }
}
