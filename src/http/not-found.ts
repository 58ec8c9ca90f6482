/** Paths and methods that are not there: 404, or 405 with `Allow` where the path is known under another method. */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { Problem } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A sentence for who asks with a method that is not there: where what is meant may be. */
    readonly hint?: string;
  }
}

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
  readonly hint: string;
}

export interface KnownPaths {
  /** The methods of a path, in the order in which their routes were added; empty for an unknown path. */
  methodsOf(url: string): string[];
}

/** Must be called before any route is added: it learns them as they come. */
export function answerNotFound(app: FastifyInstance): KnownPaths {
  const known = new Map<string, KnownPath>();
  app.addHook('onRoute', (route: RouteOptions) => {
    const path = known.get(route.url) ?? {
      pattern: patternOf(route.url),
      methods: new Set<string>(),
      hint: route.config?.hint ?? '',
    };
    known.set(route.url, path);
    for (const method of [route.method].flat()) path.methods.add(method);
  });

  const allMethods = () => [...new Set([...known.values()].flatMap(({ methods }) => [...methods]))].join(', ');

  const matching = (url: string) => {
    const path = url.split('?', 1)[0]!;
    return [...known.values()].filter(({ pattern }) => pattern.test(path));
  };
  const methodsOf = (url: string) => [...new Set(matching(url).flatMap(({ methods }) => [...methods]))];

  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    if (request.raw.url === '*') return reply.code(204).header('allow', allMethods()).send();
    const methods = methodsOf(request.raw.url ?? '');
    if (methods.length === 0) throw new Problem('not_found', 'For the paths there are, see /openapi.json.');
    const allow = methods.join(', ');
    if (request.method === 'OPTIONS') return reply.code(204).header('allow', allow).send();
    const hints = matching(request.raw.url ?? '').map(({ hint }) => hint);
    throw new Problem('method_not_allowed', [`Here there are: ${allow}.`, ...hints].join(' ').trim(), { allow });
  };
  app.setNotFoundHandler(answer);
  // Fastify looks at what QUERY brings before it looks for who takes it.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method !== 'QUERY' || !request.is404) return done();
    answer(request, reply);
  });
  return { methodsOf };
}

/** `/c/:channel/events` matches `/c/anything-but-a-slash/events`; as in the router, nothing at all is a name too. */
function patternOf(url: string): RegExp {
  const source = url.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:[A-Za-z]+/g, '[^/]*');
  return new RegExp(`^${source}$`);
}
