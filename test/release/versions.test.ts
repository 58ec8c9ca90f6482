/** The versions that are named in this project agree, so that a release of it would not be refused for that. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { disagreements } from '../../scripts/release/versions.ts';
import { projectRoot } from '../support/program.ts';

describe('the version', () => {
  it('is the same in package.json, the lock, the API description, images, manifests, documents and the chart', () => {
    assert.deepEqual(disagreements(projectRoot), []);
  });
});
