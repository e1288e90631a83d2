import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Lease } from '../../adapters/dynamodb/leases.ts';
import { nextLease } from '../../runtime/lease-plan.ts';

const lease = (shardId: string, owner: string | null): Lease => ({ shardId, owner, epoch: 1, beat: 0, position: null });

/** Members that look one after the other until nobody takes anything, in an order of chance. */
function settle(shardIds: readonly string[], members: readonly string[], turns: readonly number[]) {
  const owners = new Map<string, string>();
  let moves = 0;
  let quiet = 0;
  for (let turn = 0; quiet < 2 * members.length; turn++) {
    if (turn > 1000) throw new Error('got no rest after 1,000 looks, expected one');
    const owner = members[(turns[turn % turns.length] ?? turn) % members.length]!;
    // Everyone comes to look, however the dice fall.
    const looker = turn % 2 === 0 ? owner : members[Math.floor(turn / 2) % members.length]!;
    const held = new Set(shardIds.filter((shardId) => owners.get(shardId) === looker));
    const leases = shardIds
      .filter((shardId) => owners.has(shardId))
      .map((shardId) => lease(shardId, owners.get(shardId)!));
    const taken = nextLease({ shardIds, leases, owner: looker, held, silent: new Set() });
    if (taken === null) quiet += 1;
    else {
      quiet = 0;
      moves += 1;
      owners.set(taken, looker);
    }
  }
  return { moves, counts: members.map((member) => [...owners.values()].filter((owner) => owner === member).length) };
}

describe('the leases of a group', () => {
  test('come to rest with every shard read, nobody idle beside one with two, and few moves', () => {
    const turns = fc.array(fc.nat(), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 6 }), turns, (shards, members, order) => {
        const shardIds = Array.from({ length: shards }, (_, index) => `shard-${index}`);
        const names = Array.from({ length: members }, (_, index) => `member-${index}`);
        const { moves, counts } = settle(shardIds, names, order);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(shards);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect(moves).toBeLessThanOrEqual(2 * shards);
      }),
    );
  });

  test('of a silent owner, of one that let go, and of a process before this one are free', () => {
    const leases = [lease('a', 'silent'), lease('b', null), lease('c', 'me')];
    const shardIds = ['a', 'b', 'c'];
    const silent = new Set(['a']);
    for (const held of [[], ['a'], ['a', 'b']]) {
      const taken = nextLease({ shardIds, leases, owner: 'me', held: new Set(held), silent });
      expect(taken).toBe(shardIds[held.length]);
    }
  });

  test('that others hold evenly are left to them', () => {
    const leases = [lease('a', 'one'), lease('b', 'two')];
    expect(nextLease({ shardIds: ['a', 'b'], leases, owner: 'me', held: new Set(), silent: new Set() })).toBeNull();
  });
});
