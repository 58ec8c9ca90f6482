/** What is in k8s/ is as it should be: every part renders, fits the schemas, and keeps the rules. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { checkPart, parts } from '../../../scripts/k8s-check/check.ts';
import { ofKind } from '../../../scripts/k8s-check/manifests.ts';
import { edgeConfig, edgeFiles, luaFile } from '../../../scripts/k8s-edge/edge-config.ts';

describe('k8s/', () => {
  for (const part of parts) {
    it(`${part.name} is clean`, () => {
      const { manifests, problems } = checkPart(part);
      assert.deepEqual(problems, []);
      const kinds = ['Deployment', 'Service', 'NetworkPolicy', 'PodDisruptionBudget', 'ConfigMap'];
      for (const kind of kinds) assert.ok(ofKind(manifests, kind).length > 0, `no ${kind} in ${part.name}`);
      assert.ok(ofKind(manifests, 'StatefulSet', 'RedisCluster').length > 0, `no Redis in ${part.name}`);
    });
  }

  it('has the edge as proxy/haproxy.cfg has it (npm run k8s:edge)', () => {
    for (const { file, withTls } of edgeFiles) {
      const isCurrent = readFileSync(file, 'utf8') === edgeConfig({ withTls });
      assert.ok(isCurrent, `${file.pathname} is older than proxy/: npm run k8s:edge`);
    }
    assert.equal(readFileSync(luaFile.file, 'utf8'), readFileSync(luaFile.of, 'utf8'), 'npm run k8s:edge');
  });
});
