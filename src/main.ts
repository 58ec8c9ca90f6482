/** The process: configuration in, exit code out. 0 stopped, 1 cannot run, 2 wrongly configured. */
import { startApp } from './app.ts';
import { type Config, readConfig } from './config.ts';
import { EngineUnusable } from './errors.ts';
import { createLogger } from './log.ts';

const outcome = readConfig();
if (!outcome.ok) {
  for (const problem of outcome.problems) process.stderr.write(`smallchange: ${problem}\n`);
  process.exit(2);
}
const { config } = outcome;
const log = createLogger(config);

try {
  const app = await startApp(config, log);
  log.info({ port: app.port, adminPort: app.adminPort, roles: config.roles }, 'smallchange is running');
  // Only this machine can reach it: somebody is trying it out.
  if (config.loopbackOnly) process.stderr.write(invitation(config, app.port));
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    // Whoever asks twice does not want to wait.
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info({ signal }, 'stopping');
    app.stop(config.drainMs).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopped badly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
} catch (error) {
  process.stderr.write(`smallchange: ${sentenceFor(error, config)}\n`);
  process.exit(1);
}

/** One line for what an operator can do something about; everything else is ours to explain, with its stack. */
function sentenceFor(error: unknown, { host, port }: Config): string {
  if (error instanceof EngineUnusable) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `${host}:${port} is in use: set PORT to another one, or stop what listens there`;
  if (code === 'EACCES') return `${host}:${port} may not be listened on by this user`;
  if (code === 'EADDRNOTAVAIL') return `HOST ${host} is no address of this machine`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function invitation({ host }: Config, port: number): string {
  const at = `${host === '127.0.0.1' ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`;
  return `
  Listen:   curl -N ${at}/c/demo/events
  Send:     curl -d x ${at}/c/demo
  Resume:   curl -N -H 'Last-Event-ID: <last id>' ${at}/c/demo/events
  Or open   http://${at}/

`;
}
