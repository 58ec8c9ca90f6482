/** The whole program in this process, over memory, with its log as parsed lines. */
import { type App, startApp } from '../../src/app.ts';
import { type Environment, readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';

export interface LocalApp extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly app: App;
  readonly logged: readonly Record<string, unknown>[];
}

export async function startLocalApp(env: Environment = {}): Promise<LocalApp> {
  const outcome = readConfig({ PORT: '0', ...env });
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const logged: Record<string, unknown>[] = [];
  const log = createLogger(outcome.config, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const app = await startApp(outcome.config, log);
  return {
    port: app.port,
    url: `http://127.0.0.1:${app.port}`,
    app,
    logged,
    [Symbol.asyncDispose]: () => app.stop(0),
  };
}
