/**
 * The pods of components/redis-sentinel as processes: their own scripts with the files and the environment that the manifests give them. What a
 * cluster decides is decided here: names and ports, where a volume is, and less patience, so that a test need not wait.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { freePort } from '../../loadtest/fleet/port.ts';
import { ask } from '../support/redis-ask.ts';

const k8s = fileURLToPath(new URL('../../k8s/', import.meta.url));
const component = join(k8s, 'components/redis-sentinel');
const PASSWORD = 'development-only';
const HOST = 'localhost';
/** For what a test asks; and for an engine of all roles, whose users are tested by themselves (redis.test.ts). */
const TESTER = 'user tester on >development-only ~* &* +@all';

interface Workload {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly [{ readonly env: readonly { name: string; value?: string }[] }];
        readonly dnsConfig: { readonly options: readonly { readonly name: string; readonly value: string }[] };
      };
    };
  };
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

type Kind = 'redis' | 'sentinel';

/** Of a pod: its own where a name server knows it, else this machine's. */
type Names = 'own' | 'localhost';

export class Pod {
  readonly port: number;
  readonly data: string;
  readonly #kind: Kind;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(kind: Kind, at: number, folder: string, ports: Ports, names: Names) {
    this.#kind = kind;
    this.port = ports[kind][at]!;
    this.#folder = folder;
    this.data = join(folder, 'data');
    mkdirSync(this.data, { recursive: true });
    const put = (text: string) => placed(text, folder, ports, names);
    for (const name of ['redis.sh', 'sentinel.sh']) cpSync(join(component, name), join(folder, name));
    for (const name of ['replicated.conf', 'sentinel.conf']) {
      writeFileSync(join(folder, name), put(readFileSync(join(component, name), 'utf8')));
    }
    const conf = put(readFileSync(join(k8s, 'base/redis/redis.conf'), 'utf8'));
    writeFileSync(
      join(folder, 'redis.conf'),
      `${conf}\nport ${this.port}\nbind 127.0.0.1 -::1\nrepl-diskless-sync-delay 0\n`,
    );
    const users = readFileSync(join(k8s, 'overlays/dev/users.acl'), 'utf8');
    writeFileSync(join(folder, 'users.acl'), `${users}${TESTER}\n`);
    const { env } = manifestOf(kind).spec.template.spec.containers[0];
    const textOf = (value = PASSWORD) => put(value.replace('$(POD_NAME)', `smallchange-${kind}-${at}`));
    this.#env = {
      ...Object.fromEntries(env.map(({ name, value }) => [name, textOf(value)])),
      SELF_PORT: `${this.port}`,
    };
  }

  get url(): string {
    return `redis://tester:${PASSWORD}@${HOST}:${this.port}`;
  }

  start(): void {
    const child = spawn('sh', [this.#script], { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const listen = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-4_000);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.#child = child;
  }

  /** Of a script that is to end by itself, with another volume. */
  tried(data: string): { readonly status: number | null; readonly stderr: string } {
    return spawnSync('sh', [this.#script], {
      env: { ...this.#environment, DATA_DIR: data },
      encoding: 'utf8',
      timeout: 10_000,
    });
  }

  async kill9(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** As `redis-cli` does. Sentinels are asked without a password, as our processes ask them. */
  ask(...words: string[]): Promise<string> {
    const user = this.#kind === 'redis' ? { username: 'tester', password: PASSWORD } : {};
    return ask({ host: HOST, port: this.port, ...user }, ...words);
  }

  output(): string {
    return this.#output;
  }

  get #script(): string {
    return join(this.#folder, `${this.#kind}.sh`);
  }

  get #environment(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, ...this.#env };
  }
}

type Ports = Readonly<Record<Kind, readonly number[]>>;

function placed(text: string, folder: string, ports: Ports, names: Names): string {
  const nameOf = (own: string) => (names === 'own' ? own : HOST);
  return text
    .replaceAll('/etc/redis/acl/', `${folder}/`)
    .replaceAll('/etc/redis/conf/', `${folder}/`)
    .replaceAll(/(?<=^|dir )\/data/gm, join(folder, 'data'))
    .replaceAll(
      /(smallchange-(redis|sentinel)-(\d)\.smallchange-\2)([ :])\d+/g,
      (_, own: string, kind: Kind, at: string, sign: string) => `${nameOf(own)}${sign}${ports[kind][Number(at)]}`,
    )
    .replaceAll(/smallchange-(redis|sentinel)-\d\.smallchange-\1/g, nameOf)
    .replace(/^port \d+/m, `port ${portOf(folder, ports)}\nbind 127.0.0.1 -::1`)
    .replace('down-after-milliseconds smallchange 5000', 'down-after-milliseconds smallchange 500')
    .replace('failover-timeout smallchange 10000', 'failover-timeout smallchange 3000');
}

/** Of the Sentinel whose folder it is. */
function portOf(folder: string, ports: Ports): number {
  return ports.sentinel[Number(folder.at(-1))]!;
}

/** The options that the manifest of Sentinels has for whoever looks up names, as resolv.conf(5) has them. */
export function lookupsOfSentinels(): string {
  const { dnsConfig } = manifestOf('sentinel').spec.template.spec;
  return dnsConfig.options.map(({ name, value }) => `${name}:${value}`).join(' ');
}

function manifestOf(kind: Kind): Workload {
  return parse(readFileSync(join(component, `${kind}.yaml`), 'utf8')) as Workload;
}

export async function threeOfEach(names: Names = 'localhost') {
  const place = mkdtempSync(join(tmpdir(), 'smallchange-sentinel-'));
  const three = async () => [await freePort(), await freePort(), await freePort()];
  const ports = { redis: await three(), sentinel: await three() };
  const pods = (kind: Kind) => [0, 1, 2].map((at) => new Pod(kind, at, join(place, `${kind}-${at}`), ports, names));
  const [redis, sentinels] = [pods('redis'), pods('sentinel')];
  return {
    place,
    redis,
    sentinels,
    url: sentinels.map(({ url }) => url).join(','),
    async [Symbol.asyncDispose]() {
      await Promise.all([...redis, ...sentinels].map((pod) => pod.kill9()));
      rmSync(place, { recursive: true, force: true });
    },
  };
}
