/** One process of a fleet that is restarted in place: it comes back at its address, as a pod behind a stable name does. */
import { freePort } from '../../../loadtest/fleet/port.ts';
import { request } from '../../support/http.ts';
import { type ServerEnv, type ServerProcess, startServer } from '../../support/process.ts';

export type Kind = 'gateway' | 'bucket' | 'merger';

export interface Load {
  readonly ready: boolean;
  readonly streams: number;
}

export class Member {
  readonly kind: Kind;
  readonly name: string;
  readonly address: string;
  readonly #env: ServerEnv;
  #process: ServerProcess | undefined;

  private constructor(kind: Kind, name: string, address: string, env: ServerEnv) {
    this.kind = kind;
    this.name = name;
    this.address = address;
    this.#env = env;
  }

  static async start(kind: Kind, index: number, env: ServerEnv): Promise<Member> {
    const port = await freePort();
    const member = new Member(kind, `${kind} ${index}`, `127.0.0.1:${port}`, { ...env, ROLES: kind, PORT: `${port}` });
    await member.#start();
    return member;
  }

  async #start(): Promise<void> {
    this.#process = await startServer({ env: this.#env });
  }

  /** Null while it is not there. */
  async load(): Promise<Load | null> {
    return request(`http://${this.address}`, '/load', { timeoutMs: 2_000 }).then(
      (answer) => answer.json<Load>(),
      () => null,
    );
  }

  /** SIGTERM, and a new one once it has left. @returns Its exit code. */
  async restart(): Promise<number | null> {
    const { code } = await this.#process!.stop();
    await this.#start();
    return code;
  }

  async kill9(): Promise<void> {
    await this.#process!.kill9();
  }

  async startAgain(): Promise<void> {
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}
