/**
 * Manifests, chart and what is said of them, held against their rules; and every rule is seen failing. One process for all of them: most of the time
 * goes into rendering and into schemas, which are done once here.
 */
import './rules/clean.ts';
import './rules/chart.ts';
import './rules/metrics-doc.ts';
import './rules/mistakes/archive.ts';
import './rules/mistakes/capacity.ts';
import './rules/mistakes/fleet.ts';
import './rules/mistakes/pods.ts';
import './rules/mistakes/settings.ts';
import './rules/mistakes/stores.ts';
import './rules/mistakes/traffic.ts';
import './rules/mistakes/ways-in.ts';
