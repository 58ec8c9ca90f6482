/** What each edge does where it differs from a server (`differences` in `contract.ts`): still a refusal, and never anything else. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertProblem } from '../contract/protocol/kit.ts';
import { type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request, requestRaw } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';

const notHttp = [
  'hello\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00',
  'POST /c/a b HTTP/1.1\r\n\r\n',
];
const notDecoded = ['/c/%zz', '/c/a%00', '/../etc/passwd'];

/** For both edges: each has nothing left open when the other begins. */
let server: ServerProcess;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

for (const edge of edges) {
  describe(`in the place of a server, ${edge}`, () => {
    let proxy: EdgeProcess;
    before(async () => {
      proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
    });
    after(() => proxy?.stop());

    it('answers what is no HTTP with 400 or nothing, and hangs up', async () => {
      for (const text of notHttp) {
        assert.match(await requestRaw(proxy.plainUrl, text), /^(HTTP\/1\.1 400 |$)/, JSON.stringify(text));
      }
      assert.equal((await request(proxy.plainUrl, '/healthz')).status, 200, 'and goes on');
    });

    it('passes a path that nobody can decode on, or answers it with a problem', async () => {
      for (const path of notDecoded) {
        const answer = await request(proxy.plainUrl, path, { method: 'POST', body: 'x' });
        assertProblem(answer, edge === 'haproxy' && path.startsWith('/..') ? 404 : 400);
      }
    });

    it('tells no operator anything', async () => {
      assert.equal((await request(server.url, '/metrics')).status, 200);
      assertProblem(await request(proxy.plainUrl, '/metrics'), 404);
    });
  });
}
