/** `/openapi.json` of a server that asks for tokens: which operations need one, and how it is said that it does not do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { SECRET } from '../support/tokens.ts';

interface Operation {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: object }>>;
}

interface Document {
  readonly openapi: string;
  readonly security?: unknown;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly securitySchemes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

async function documentOf(env: Record<string, string>): Promise<Document> {
  await using server = await startLocalApp(env);
  return (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
}

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method,
      operation,
      isOpen: !/^\/(c\/|session$|tickets$)/.test(path),
    })),
  );

/** What OpenAPI 3.1 asks for of that which is here: each name that is used is one that is there. */
function assertWhole(document: Document): void {
  assert.match(document.openapi, /^3\.1\./);
  for (const [, pointer] of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
    const [, schema] = /^#\/components\/schemas\/(\w+)$/.exec(pointer!) ?? [];
    assert.ok(schema !== undefined && schema in document.components.schemas, pointer);
  }
  for (const { path, method, operation } of operationsOf(document)) {
    for (const [status, { description }] of Object.entries(operation.responses)) {
      assert.ok(description, `${method} ${path} ${status} says nothing`);
      assert.match(status, /^([1-5]\d\d|[1-5]XX|default)$/);
    }
    for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
      const isDeclared = operation.parameters?.some((parameter) => parameter.in === 'path' && parameter.name === name);
      assert.ok(isDeclared, `${method} ${path} does not describe ${name}`);
    }
    for (const requirement of operation.security ?? []) {
      for (const scheme of Object.keys(requirement)) assert.ok(scheme in (document.components.securitySchemes ?? {}));
    }
  }
}

const [bearer, cookie, ticket, nothing] = [{ bearerAuth: [] }, { sessionCookie: [] }, { ticket: [] }, {}];

/** What says who it is, where the doors differ. */
const apart: Readonly<Record<string, readonly object[]>> = {
  'get /c/{channels}/events': [bearer, cookie, ticket],
  'post /session': [bearer],
  'delete /session': [cookie],
};

describe('/openapi.json', () => {
  it('names the token that an operation needs, and no other operation', async () => {
    const document = await documentOf({ AUTH: 'jwt', JWT_SECRET: SECRET });
    assertWhole(document);
    const { type, scheme, bearerFormat } = document.components.securitySchemes!.bearerAuth!;
    assert.deepEqual({ type, scheme, bearerFormat }, { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' });
    const operations = operationsOf(document);
    assert.ok(operations.filter(({ isOpen }) => !isOpen).length >= 5 && operations.some(({ isOpen }) => isOpen));
    for (const { path, method, operation, isOpen } of operations) {
      const expected = isOpen ? undefined : (apart[`${method} ${path}`] ?? [bearer, cookie]);
      assert.deepEqual(operation.security, expected, `${method} ${path}`);
      if (!path.startsWith('/c/')) continue;
      for (const status of ['401', '403', '503']) {
        const { description = '', content } = operation.responses[status]!;
        assert.match(description, status === '503' ? /later/ : /token/, `${method} ${path} ${status}`);
        assert.match(JSON.stringify(content), /#\/components\/schemas\/problem/);
      }
    }
  });

  it('says what can also be had without one', async () => {
    const AUTH_ANONYMOUS = JSON.stringify({ subscribe: ['public.*'], history: [] });
    const document = await documentOf({ AUTH: 'jwt', JWT_SECRET: SECRET, AUTH_ANONYMOUS });
    assertWhole(document);
    const { paths } = document;
    assert.deepEqual(paths['/c/{channels}/events']!.get!.security, [bearer, cookie, ticket, nothing]);
    assert.deepEqual(paths['/c/{channel}/state']!.get!.security, [bearer, cookie, nothing]);
    assert.deepEqual(paths['/c/{channel}/history']!.get!.security, [bearer, cookie]);
    assert.deepEqual(paths['/c/{channel}']!.post!.security, [bearer, cookie]);
  });

  it('names none where nobody is asked for one', async () => {
    const document = await documentOf({});
    assertWhole(document);
    assert.equal(document.components.securitySchemes, undefined);
    for (const { operation } of operationsOf(document)) assert.equal(operation.security, undefined);
  });
});
