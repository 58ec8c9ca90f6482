/** A plain nginx as many a site has one, with `proxy_buffering on` as it comes, in front of a server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../loadtest/fleet/port.ts';
import { waitFor } from '../support/wait.ts';

export interface Nginx extends AsyncDisposable {
  readonly url: string;
}

export interface NginxInit {
  readonly targetPort: number;
  /** Whether it heeds the `X-Accel-Buffering: no` of the server, as it does by itself. */
  readonly heeds: boolean;
}

export async function startNginx({ targetPort, heeds }: NginxInit): Promise<Nginx> {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-nginx-'));
  // Its workers are of another user.
  chmodSync(dir, 0o711);
  const port = await freePort();
  const file = join(dir, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${dir}/${of};`);
  writeFileSync(
    file,
    `pid ${dir}/pid;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${targetPort};
      proxy_http_version 1.1;
      proxy_buffering on;
      ${heeds ? '' : 'proxy_ignore_headers X-Accel-Buffering;'}
    }
  }
}
`,
  );
  const words = ['-e', join(dir, 'error.log'), '-c', file, '-g', 'daemon off;'];
  const child = spawn('nginx', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const closed = once(child, 'close');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const url = `http://127.0.0.1:${port}`;
  const nginx: Nginx = {
    url,
    async [Symbol.asyncDispose]() {
      process.off('exit', kill);
      child.kill('SIGTERM');
      await closed;
      rmSync(dir, { recursive: true, force: true });
    },
  };
  try {
    const answers = async () => (await fetch(`${url}/load`).catch(() => undefined))?.ok;
    await waitFor(answers, { what: () => `nginx: ${said}` });
    return nginx;
  } catch (thrown) {
    await nginx[Symbol.asyncDispose]();
    throw thrown;
  }
}
