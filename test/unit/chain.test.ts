/** Members in an order, linked to their neighbours: the same as a Set whose members are taken out and put back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Chain, type Linked } from '../../src/domain/chain.ts';
import { createRandom } from '../support/random.ts';

interface Member extends Linked {
  readonly name: number;
}

const membersOf = (count: number): Member[] =>
  Array.from({ length: count }, (_, name) => ({ name, previous: undefined, next: undefined }));

function namesIn(chain: Chain<Member>): number[] {
  const names: number[] = [];
  for (let one = chain.first; one; one = chain.after(one)) names.push(one.name);
  return names;
}

describe('a chain', () => {
  it('has the order of a Set, whatever is appended and removed', () => {
    const random = createRandom(7);
    const members = membersOf(12);
    const chain = new Chain<Member>();
    const order = new Set<Member>();
    for (let i = 0; i < 5_000; i++) {
      const one = members[random.int(members.length)]!;
      if (random.int(2) === 0) {
        chain.append(one);
        order.delete(one);
        order.add(one);
      } else {
        assert.equal(chain.remove(one), order.delete(one));
      }
      assert.equal(chain.has(one), order.has(one));
      assert.deepEqual(
        namesIn(chain),
        Array.from(order, ({ name }) => name),
      );
    }
  });

  it('goes on behind a member that was removed once the next was asked for', () => {
    const [a, b, c] = membersOf(3) as [Member, Member, Member];
    const chain = new Chain<Member>();
    for (const one of [a, b, c]) chain.append(one);
    const next = chain.after(a);
    chain.remove(a);
    assert.equal(next, b);
    assert.deepEqual(namesIn(chain), [1, 2]);
    assert.equal(chain.after(c), undefined);
  });
});
