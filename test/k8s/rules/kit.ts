/** A rendered installation to plant mistakes in: each test gets its own copy, the rendering is done once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkPart, parts } from '../../../scripts/k8s-check/check.ts';
import { find, type Manifest } from '../../../scripts/k8s-check/manifests.ts';
import { problemsOf } from '../../../scripts/k8s-check/problems.ts';

export type Part = (typeof parts)[number];

export const partNamed = (name: Part['name']) => parts.find((part) => part.name === name)!;

const rendered = new Map<Part, readonly Manifest[]>();

/** Of YAML anything may be wrong, so a test may write anything anywhere. */
// biome-ignore lint/suspicious/noExplicitAny: a document that is to be broken has no type.
export type Broken = any;

export class Plot {
  readonly manifests: Manifest[];
  readonly #part: Part;

  constructor(part: Part) {
    if (!rendered.has(part)) rendered.set(part, checkPart(part).manifests);
    this.manifests = structuredClone(rendered.get(part)) as Manifest[];
    this.#part = part;
  }

  /** By kind, and the name or, where a hash follows, what it begins with. */
  get(kind: string, name: string): Broken {
    const named = find(this.manifests, kind, name);
    const found =
      named ?? this.manifests.find((each) => each.kind === kind && each.metadata.name.startsWith(`${name}-`));
    if (found === undefined) throw new Error(`there is no ${kind}/${name} to break`);
    return found;
  }

  pod(kind: string, name: string): Broken {
    return this.get(kind, name).spec.template.spec;
  }

  container(name: string): Broken {
    return this.pod('Deployment', name).containers[0];
  }

  remove(kind: string, name: string): void {
    this.manifests.splice(this.manifests.indexOf(this.get(kind, name)), 1);
  }

  problems(): string[] {
    return problemsOf(this.manifests, this.#part);
  }
}

type Mistake = readonly [what: string, plant: (plot: Plot) => void, problem: RegExp];

/** A rule that was never seen failing proves nothing. */
export function findsMistakes(rule: string, mistakes: readonly Mistake[], part = partNamed('overlays/prod')): void {
  describe(`a mistake that the rule of ${rule} is about`, () => {
    for (const [what, plant, expected] of mistakes) {
      it(`is found: ${what}`, () => {
        const plot = new Plot(part);
        plant(plot);
        const problems = plot.problems();
        assert.ok(
          problems.some((problem) => expected.test(problem)),
          `${expected} in:\n${problems.join('\n')}`,
        );
      });
    }
  });
}
