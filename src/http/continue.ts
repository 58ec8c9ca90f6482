/**
 * `Expect: 100-continue` (RFC 9110 §10.1.1): who waits with its body is told to send it once the request is let in. Who is not let in
 * gets the answer instead, and the connection ends: nobody can tell whether the body comes all the same.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

export function continueOnceLetIn(app: FastifyInstance): void {
  const waiting = new WeakSet<ServerResponse>();
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(response);
    app.server.emit('request', request, response);
  });
  // After all hooks that refuse, before the body is read.
  app.addHook('preParsing', (_request, { raw }, _payload, done) => {
    if (waiting.delete(raw)) raw.writeContinue();
    done();
  });
}
