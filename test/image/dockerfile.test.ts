/** What performs a Dockerfile without Docker reads it as Docker would, and refuses what it does not know. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseDockerfile } from '../../scripts/image-check/dockerfile.ts';
import { parseIgnore } from '../../scripts/image-check/ignore.ts';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

describe('the Dockerfile', () => {
  const stages = parseDockerfile(read('Dockerfile'));
  const last = stages.at(-1)!.instructions;

  it('ends in a stage that runs Node itself, as a number above 0, and has no compiler', () => {
    assert.deepEqual(
      stages.map(({ name }) => name),
      ['build', 'modules', null],
    );
    assert.ok(last.every(({ kind }) => kind !== 'run'));
    assert.ok(last.some((each) => each.kind === 'user' && each.uid > 0));
    assert.deepEqual(
      last.find(({ kind }) => kind === 'cmd'),
      { kind: 'cmd', command: JSON.parse(read('package.json')).scripts.start.split(' ') },
    );
  });

  it('is of one Node in all stages, with a version, which a build may be given with its digest', () => {
    const bases = new Set(stages.map(({ base }) => base));
    assert.equal(bases.size, 1);
    assert.match([...bases][0]!, /^node:\d+[\w.-]*(@sha256:[0-9a-f]{64})?$/);
    const digest = `node:24-slim@sha256:${'0'.repeat(64)}`;
    const given = read('Dockerfile').replace(/^ARG NODE_IMAGE=.*$/m, `ARG NODE_IMAGE=${digest}`);
    for (const { base } of parseDockerfile(given)) assert.equal(base, digest);
  });

  it('copies nothing from the project that .dockerignore leaves out', () => {
    const isSent = parseIgnore(read('.dockerignore'));
    const copies = stages.flatMap(({ instructions }) =>
      instructions.flatMap((each) => (each.kind === 'copy' && each.from === null ? each.sources : [])),
    );
    assert.ok(copies.length > 5);
    for (const source of copies) assert.ok(isSent(source.replace(/\/$/, '')), source);
  });
});

describe('reading a Dockerfile', () => {
  it('joins continued lines and leaves comments out', () => {
    const [stage] = parseDockerfile('FROM a AS b\nRUN one \\\n# between\n  two\nCOPY --from=x a b c/');
    assert.equal(stage!.name, 'b');
    assert.deepEqual(stage!.instructions, [
      { kind: 'run', command: 'one  two' },
      { kind: 'copy', from: 'x', sources: ['a', 'b'], to: 'c/' },
    ]);
  });

  const refused = [
    'ARG x',
    'SHELL ["x"]',
    'ENTRYPOINT ["x"]',
    'ADD a b',
    'RUN --mount=type=cache npm ci',
    'RUN rm -rf /var',
    'COPY --chown=1 a b',
    'COPY a',
    'USER node',
    'CMD node main.js',
    'HEALTHCHECK CMD curl x',
  ];
  it('refuses a base image that nothing names', () => {
    const from = `FROM $${'{X}'}`;
    assert.throws(() => parseDockerfile(`${from}\nRUN a`), /no ARG/);
    assert.throws(() => parseDockerfile(`ARG X\n${from}`), /form/);
  });

  for (const line of refused) {
    it(`refuses ${line}`, () => assert.throws(() => parseDockerfile(`FROM a\n${line}`)));
  }
});

describe('.dockerignore', () => {
  const isSent = parseIgnore('# all but\n*\n!src\n!a/*.ts\n**/x.log\n');
  const cases: [string, boolean][] = [
    ['README.md', false],
    ['src', true],
    ['src/deep/file.ts', true],
    ['source', false],
    ['a/b.ts', true],
    ['a/b/c.ts', false],
    ['src/deep/x.log', false],
  ];
  for (const [path, expected] of cases) {
    it(`${expected ? 'sends' : 'leaves out'} ${path}`, () => assert.equal(isSent(path), expected));
  }
});
