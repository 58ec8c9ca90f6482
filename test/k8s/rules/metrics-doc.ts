/** docs/metrics.md tells the metrics there are, and its queries ask for those only. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { askedBy } from '../../../scripts/metrics/expression.ts';
import { knownMetrics, seriesOf } from '../../../scripts/metrics/known.ts';
import { metricsTable } from '../../../scripts/metrics/table.ts';

const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');

describe('docs/metrics.md', () => {
  it('has the table as src/metrics.ts has the metrics (npm run docs:metrics)', () => {
    const between = /<!-- metrics -->\n([\s\S]*?)\n<!-- \/metrics -->/.exec(page)?.[1];
    assert.equal(between?.trim(), metricsTable());
  });

  it('asks for nothing that there is not', () => {
    const [, prose] = page.split('<!-- /metrics -->');
    const known = new Set(knownMetrics().flatMap(seriesOf));
    const asked = askedBy(prose!).map(({ series }) => series);
    assert.ok(asked.length > 8);
    assert.deepEqual(
      asked.filter((series) => !known.has(series) && !series.endsWith('_')),
      [],
    );
  });
});
