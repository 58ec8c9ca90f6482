/** All revocations that a process knows, by page, and by what they concern. */
import type { Issued } from '../revocable.ts';
import { GROUPS } from '../sessions/session-key.ts';
import type { Revocation } from './revocation.ts';

export class Pages {
  readonly #pages: (readonly Revocation[])[] = Array.from({ length: GROUPS }, () => []);
  readonly #of = { jti: new Map<string, Revocation>(), sub: new Map<string, Revocation>() };

  get size(): number {
    return this.#of.jti.size + this.#of.sub.size;
  }

  /** Revocations of the page that has most. */
  get fullest(): number {
    return Math.max(...this.#pages.map((page) => page.length));
  }

  set(group: number, page: readonly Revocation[]): void {
    for (const { kind, name } of this.#pages[group]!) this.#of[kind].delete(name);
    for (const one of page) this.#of[one.kind].set(one.name, one);
    this.#pages[group] = page;
  }

  /** Forgets those that are over. @param nowMs By the wall clock. */
  sweep(nowMs: number): void {
    for (const [group, page] of this.#pages.entries()) {
      if (page.some(({ untilMs }) => untilMs <= nowMs))
        this.set(
          group,
          page.filter(({ untilMs }) => untilMs > nowMs),
        );
    }
  }

  has({ sub, jti, issuedS }: Issued): boolean {
    const ofSub = this.#of.sub.get(sub);
    return (ofSub !== undefined && issuedS < ofSub.beforeS) || (jti !== null && this.#of.jti.has(jti));
  }
}
