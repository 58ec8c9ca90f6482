/** One process: runs until it is told to stop, and ends with an exit code. 0 stopped, 1 cannot run or stopped badly. */
import cluster from 'node:cluster';
import { type App, startApp } from './app.ts';
import type { Config } from './config.ts';
import { EngineUnusable } from './errors.ts';
import type { Logger } from './log.ts';
import { answerPings } from './supervise/pulse.ts';

export async function serve(config: Config, log: Logger): Promise<void> {
  let app: App | undefined;
  // Before the start, which may wait for its store: the first process of a container hears no signal that it does not ask for.
  stopWhenTold(async (why) => {
    log.info({ signal: why }, 'stopping');
    await app?.stop(config.drainMs);
  }, log);
  if (cluster.isWorker) answerPings();
  try {
    app = await startApp(config, log);
    log.info({ port: app.port, adminPort: app.adminPort, roles: config.roles }, 'smallchange is running');
    if (cluster.isWorker) process.send!({ port: app.port });
    else invite(config, app.port);
  } catch (error) {
    process.stderr.write(`smallchange: ${sentenceFor(error, config)}\n`);
    process.exit(1);
  }
}

function stopWhenTold(stop: (why: string) => Promise<void>, log: Logger): void {
  let isStopping = false;
  const told = (why: string) => {
    // Whoever asks twice does not want to wait.
    if (isStopping) process.exit(1);
    isStopping = true;
    stop(why).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopped badly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', told);
  if (cluster.isWorker) {
    // A terminal sends these to everybody in it; what becomes of a worker is for its supervisor to say.
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
    const worker = cluster.worker!;
    // Before Node's own listener looks: it ends whoever did not ask for this, at once and with its streams.
    worker.once('disconnect', () => {
      worker.exitedAfterDisconnect = true;
      if (!isStopping) told('the supervisor is gone');
    });
  } else {
    process.on('SIGINT', told);
  }
}

/** One line for what an operator can do something about; everything else is ours to explain, with its stack. */
function sentenceFor(error: unknown, { host, port }: Config): string {
  if (error instanceof EngineUnusable) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `${host}:${port} is in use: set PORT to another one, or stop what listens there`;
  if (code === 'EACCES') return `${host}:${port} may not be listened on by this user`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `HOST ${host} is no address of this machine`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Only this machine can reach it: somebody is trying it out. Told is what a process of these roles does. */
export function invite({ host, loopbackOnly, roles }: Config, port: number): void {
  if (!loopbackOnly) return;
  const at = `${host === '127.0.0.1' ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`;
  const takes = roles.includes('bucket');
  const gives = roles.includes('gateway');
  const lines = [
    gives && `Listen:   curl -N ${at}/c/demo/events`,
    takes && `Send:     curl -d x ${at}/c/demo`,
    gives && `Resume:   curl -N -H 'Last-Event-ID: <last id>' ${at}/c/demo/events`,
    takes && gives && `Or open   http://${at}/`,
  ].filter((line) => line !== false);
  if (lines.length > 0) process.stderr.write(`\n${lines.map((line) => `  ${line}\n`).join('')}\n`);
}
