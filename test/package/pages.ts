/** A site of its own for the pages that were made of the package. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';

const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

/** @param folders Each by the first part of its path. They may come later. */
export async function servePages(folders: ReadonlyMap<string, string>): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const [, name, path] = /^\/(\w+)\/(.*?)(?:\?|$)/.exec(url) ?? [];
    try {
      const file = normalize(path || 'index.html');
      const body = readFileSync(join(folders.get(name ?? '')!, file));
      response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream').end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
