/**
 * Nchan (Debian's `nginx` and `libnginx-mod-nchan`), where it is installed: one worker, its own port and directory,
 * optionally with Redis behind it.
 *
 * Its message buffer is left at its default of 10, a hundredth of the history that ours keeps, and it keeps no access
 * log: what it has to do less than ours is to its advantage.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../fleet/port.ts';
import { cpuSecondsOf, type Paths, type Running, residentBytesOf, start } from './process.ts';

const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
/** As root, Debian's PATH for others leaves out where nginx is. */
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
const nginx = folders.map((folder) => join(folder, 'nginx')).find((path) => existsSync(path));

export const hasNchan = nginx !== undefined && existsSync(MODULE);

const paths: Paths = { publish: '/pub?id={channel}', subscribe: '/sub?id={channel}' };

const config = (port: number, dir: string, redisPort: number | undefined) => {
  const upstream =
    redisPort === undefined ? '' : `upstream store { nchan_redis_server redis://127.0.0.1:${redisPort}; }`;
  const pass = redisPort === undefined ? '' : 'nchan_redis_pass store;';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
load_module ${MODULE};
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${dir}/nginx.pid;
error_log stderr warn;
events { worker_connections 20000; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join(' ')}
  keepalive_requests 1000000000;
  nchan_shared_memory_size 512m;
  ${upstream}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /pub { nchan_publisher; nchan_channel_id $arg_id; ${pass} }
    location = /sub { nchan_subscriber eventsource; nchan_channel_id $arg_id; nchan_subscriber_first_message newest; ${pass} }
  }
}
`;
};

export async function startNchan(redisPort?: number): Promise<Running> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-nchan-'));
  writeFileSync(join(dir, 'nginx.conf'), config(port, dir, redisPort));
  const args = ['-p', dir, '-c', join(dir, 'nginx.conf')];
  const onStop = () => rmSync(dir, { recursive: true, force: true });
  const master = await start({ name: 'nchan', command: nginx!, args, port, paths, onStop });
  const pid = await workerOf(master.pid);
  return { ...master, pid, cpuS: () => cpuSecondsOf(pid), residentBytes: () => residentBytesOf(pid) };
}

/** The one that does the work; it ends with its master, which listens a moment before it has one. */
async function workerOf(master: number): Promise<number> {
  for (;;) {
    const children = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim();
    if (children !== '') return Number(children.split(' ')[0]);
    await sleep(10);
  }
}
