/** The trial of a gateway that is killed, small: behind both edges its streams come back to the others, and nothing is lost. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { edges } from '../support/edge.ts';
import { killGateway } from './trials/killed-gateway.ts';

const STREAMS_SHARE = 0.03;
/** Clients are asked to wait up to 3 s before they come back; the rest is for a busy machine. */
const BACK_MAX_MS = 10_000;

describe('kill -9 of one of three gateways', () => {
  for (const edge of edges) {
    it(`behind ${edge}: all its streams are back, none over capacity, none missed or saw twice an event`, async (t) => {
      const { figures, failures } = await killGateway({ edge, scale: STREAMS_SHARE }, BACK_MAX_MS);
      t.diagnostic(JSON.stringify(figures));
      assert.deepEqual(failures, []);
    });
  }
});
