import { deserialize, serialize } from 'node:v8';
import { describe, expect, test } from 'vitest';
import type { FlowRow } from '../../core/engine/operator.ts';
import { arriveFlow, createFlow, createFlowState, type Flow, stepFlow } from '../../core/flow-pipeline.ts';
import { chance, openStream, type RandomStream, wholeBelow } from '../../simulate/random.ts';
import { crossedFlow, shopFlow, tightFlow } from './flow-definitions.ts';
import { type FlowRun, lastRows, replayEach, runFlow, textOf } from './flow-harness.ts';
import { judge, naiveGrades, naivePairs } from './flow-naive.ts';
import { type FlowItem, type FlowWorkload, makeFlowLogs, type ShopEvent } from './flow-workload.ts';

const keeps = ['inner', 'left', 'right', 'full'] as const;
const disturbed = { events: 250, behindMsMax: 1400, disturbed: true } as const;

function flowOf(keep: (typeof keeps)[number], watermarkPer: Flow['watermarkPer'] = 'topic'): Flow {
  return createFlow(shopFlow(keep), { watermarkPer, partitions: 8 });
}

function oneLog(workload: Omit<FlowWorkload, 'partitions'>): FlowItem[] {
  return makeFlowLogs({ ...workload, partitions: 1 })[0] ?? [];
}

function randomRun(random: RandomStream): FlowRun {
  const batchSizes = Array.from({ length: 1 + wholeBelow(random, 5) }, () => 1 + wholeBelow(random, 40));
  const restarts = Array.from({ length: 7 }, () => chance(random, 0.4));
  return { batchSizes, restartAfter: (batch) => restarts[batch % restarts.length] === true };
}

describe('laws of flows', () => {
  test('joins equal all pairs over all events, and every version over all changes', () => {
    const seen = { rows: 0, late: 0, tooLate: 0, duplicates: 0, idle: 0, revised: 0, differing: 0, unmatched: 0 };
    for (let seed = 1; seed <= 40; seed++) {
      const keep = keeps[seed % 4] ?? 'full';
      const watermarkPer = seed % 3 === 0 ? 'input' : 'topic';
      const log = oneLog({ seed, ...disturbed });
      const naive = judge(log, watermarkPer);
      const output = runFlow(flowOf(keep, watermarkPer), log, { batchSizes: [seed] });
      const expected = [
        ...naivePairs(naive.accepted, keep),
        ...naiveGrades(naive, keep === 'inner' ? 'inner' : 'left'),
      ];
      const joined = output.rows.filter((row) => row.output === 'sent' || row.output === 'graded');
      expect(textOf(joined)).toBe(textOf(lastRows(expected)));
      expect(output.counts.get('tooLate') ?? 0).toBe(naive.tooLate);
      expect(output.lateEvents.length).toBe(naive.tooLate);
      expect(output.counts.get('late') ?? 0).toBe(naive.late);
      expect(output.counts.get('duplicates') ?? 0).toBe(naive.duplicates);
      seen.rows += joined.length;
      seen.late += naive.late;
      seen.tooLate += naive.tooLate;
      seen.duplicates += naive.duplicates;
      seen.idle += naive.idle;
      seen.revised += joined.filter(({ revision }) => revision > 0).length;
      seen.differing += joined.filter(({ values }) => values['grade'] !== values['grade_settled']).length;
      seen.unmatched += joined.filter(({ key }) => key.includes('null')).length;
    }
    for (const [name, count] of Object.entries(seen)) expect(count, name).toBeGreaterThan(20);
  });

  test('neither batches nor restarts change a row', () => {
    let restarts = 0;
    for (let seed = 1; seed <= 15; seed++) {
      const random = openStream({ seed, name: 'flow runs' });
      const flow = flowOf(keeps[seed % 4] ?? 'full');
      const log = oneLog({ seed: 100 + seed, ...disturbed });
      const whole = runFlow(flow, log);
      const cut = runFlow(flow, log, randomRun(random));
      expect(textOf(cut.rows)).toBe(textOf(whole.rows));
      expect(cut.lateEvents).toEqual(whole.lateEvents);
      expect(cut.deadLetters).toEqual(whole.deadLetters);
      expect(cut.counts).toEqual(whole.counts);
      restarts += cut.restarts;
    }
    expect(restarts).toBeGreaterThan(50);
  });

  test('a batch that is taken again from the checkpoint before it has the same effects', () => {
    const batches = replayEach(flowOf('full'), oneLog({ seed: 7, ...disturbed }), 13);
    for (const { first, again } of batches) expect(again).toEqual(first);
    expect(batches.filter(({ first }) => first.rows.length > 0).length).toBeGreaterThan(10);
  });

  test('any order within the disorder gives the same pairs and the same settled versions', () => {
    let moved = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const random = openStream({ seed, name: 'flow order' });
      const log = oneLog({ seed: 200 + seed, events: 200, behindMsMax: 0, disturbed: false });
      const shuffled = shuffleWithin(log, random);
      moved += shuffled.filter(({ event }, index) => event !== log[index]?.event).length;
      const flow = flowOf('full', 'input');
      expect(settledText(runFlow(flow, shuffled, { batchSizes: [9] }).rows)).toBe(settledText(runFlow(flow, log).rows));
    }
    expect(moved).toBeGreaterThan(100);
  });

  test('an output by another key than its topic has the same rows from 8 partitions as from one, in one owner', () => {
    let rows = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const random = openStream({ seed, name: 'flow crossed' });
      const workload = { seed: 400 + seed, events: 300, behindMsMax: 0, disturbed: false };
      const [whole, parts] = [1, 8].map((partitions) => {
        const flow = createFlow(crossedFlow, { watermarkPer: 'input', partitions });
        expect(flow.plan.scope).toBe('all');
        const [items = []] = assign(makeFlowLogs({ ...workload, partitions }), { owners: 1, random });
        const output = runFlow(flow, byTime(items), randomRun(random));
        expect(output.counts.get('tooLate') ?? 0).toBe(0);
        return output.rows.map(({ key, output: name, values }) => JSON.stringify([name, key, values]));
      });
      expect(parts).toEqual(whole);
      const events = makeFlowLogs({ ...workload, partitions: 1 }).flat();
      const pairs = events.flatMap(({ event: order }) => events.filter(({ event: parcel }) => isAlike(order, parcel)));
      const told = whole?.filter((row) => row.startsWith('["alike"') && !row.includes('null')) ?? [];
      expect(told).toHaveLength(pairs.length);
      expect(pairs.length).toBeGreaterThan(0);
      rows += whole?.length ?? 0;
    }
    expect(rows).toBeGreaterThan(500);
  });

  test('an event beyond a limit goes whole to the late sink, with the output that was full', () => {
    const flow = createFlow(tightFlow, { watermarkPer: 'topic', partitions: 1 });
    const output = runFlow(flow, oneLog({ seed: 5, ...disturbed }), { batchSizes: [50] });
    const full = output.lateEvents.filter(({ reason }) => reason === 'stateLimit');
    expect(full.length).toBeGreaterThan(20);
    expect(output.counts.get('stateLimit.sent')).toBe(full.length);
    for (const late of full) expect(late).toMatchObject({ output: 'sent', event: { eventId: late.eventId } });
    const tooLate = output.lateEvents.filter(({ reason }) => reason === 'tooLate');
    expect(tooLate).toHaveLength(output.counts.get('tooLate') ?? 0);
    for (const late of tooLate) expect(late).toMatchObject({ output: null, event: { eventId: late.eventId } });
  });

  test('topics that a flow does not read are passed over and counted, another version of an input is refused', () => {
    const record = (topic: string, offset: number): FlowItem => ({
      record: { topic, partition: 0, offset, ingestTimeMs: 0, bytes: new TextEncoder().encode('{}') },
      event: null,
    });
    const output = runFlow(flowOf('full'), [record('shop.invoice.v1', 0), record('shop.order.v2', 1)]);
    expect(Object.fromEntries(output.counts)).toEqual({
      records: 2,
      'ignored.shop.invoice.v1': 1,
      'deadLetters.unknownContract': 1,
    });
    expect(output.deadLetters[0]?.refusal.message).toBe('got contract shop.order.v2, expected shop.order.v1');
  });

  test('once the input has ended nothing is held but the last version of each key', () => {
    const output = runFlow(flowOf('full'), oneLog({ seed: 3, ...disturbed }));
    const states = [...output.state.sections.values()].flatMap(({ groups }) => [...groups.values()]);
    expect(states.length).toBeGreaterThan(3);
    for (const [sent, graded] of states) {
      expect(sent).toMatchObject({ keys: new Map(), eventCount: 0, releases: { heap: [] } });
      expect(graded).toMatchObject({ dirty: new Set(), timers: { heap: [] } });
    }
  });

  test('1, 2, 3 and 8 owners of 8 partitions give the same bytes, whoever owns which, and whoever it is handed to', () => {
    const flow = flowOf('full');
    let rows = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const random = openStream({ seed, name: 'flow owners' });
      const logs = makeFlowLogs({ seed: 300 + seed, events: 400, behindMsMax: 1400, disturbed: true, partitions: 8 });
      const texts = [1, 2, 3, 8].map((owners) => {
        const owned = assign(logs, { owners, random });
        return textOf(lastRows(owned.flatMap((items) => runFlow(flow, items, randomRun(random)).rows)));
      });
      texts.push(textOf(lastRows(runHandedOver(flow, logs, random))));
      for (const text of texts) expect(text).toBe(texts[0]);
      rows += texts[0]?.split('\n').length ?? 0;
    }
    expect(rows).toBeGreaterThan(500);
  });
});

/** Takes each log piece by piece, each piece by another owner, who is handed the partition's section as a file. */
function runHandedOver(flow: Flow, logs: readonly FlowItem[][], random: RandomStream): FlowRow[] {
  const owners = [createFlowState(), createFlowState(), createFlowState()];
  const rows: FlowRow[] = [];
  for (const [partition, log] of logs.entries()) {
    const ids = new Map<string, string>();
    let file = null;
    for (let start = 0; start < log.length;) {
      const owner = owners[wholeBelow(random, owners.length)] ?? createFlowState();
      if (file !== null) owner.sections.set(partition, deserialize(file));
      const piece = log.slice(start, start + 1 + wholeBelow(random, 40));
      const arrivals = piece.map(({ record }) => arriveFlow(flow.contracts, record));
      const effects = stepFlow(flow, owner, { arrivals, known: ids });
      for (const { idHash, bodyHash } of effects.acceptedKeys) ids.set(idHash, bodyHash);
      rows.push(...effects.rows);
      file = serialize(owner.sections.get(partition));
      owner.sections.delete(partition);
      start += piece.length;
    }
  }
  return rows;
}

/** Gives each log to an owner, whose records come in some order that keeps each log's own. */
function assign(
  logs: readonly FlowItem[][],
  { owners, random }: { readonly owners: number; readonly random: RandomStream },
): FlowItem[][] {
  const owned: FlowItem[][][] = Array.from({ length: owners }, () => []);
  for (const log of logs) owned[wholeBelow(random, owners)]?.push([...log]);
  return owned.map((mine) => {
    const merged: FlowItem[] = [];
    for (
      let left = mine.filter((log) => log.length > 0);
      left.length > 0;
      left = left.filter((log) => log.length > 0)
    ) {
      merged.push(...(left[wholeBelow(random, left.length)] ?? []).splice(0, 1 + wholeBelow(random, 4)));
    }
    return merged;
  });
}

/** Is this an order and a parcel of the same number, at most two seconds apart? */
function isAlike(order: ShopEvent | null, parcel: ShopEvent | null): boolean {
  if (order?.amount === undefined || order.amount !== parcel?.weight || order.tenantId !== parcel.tenantId)
    return false;
  return Math.abs(order.eventTimeMs - parcel.eventTimeMs) <= 2000;
}

/** Records of several partitions as they came in: by ingest time, each partition's own order kept. */
function byTime(items: readonly FlowItem[]): FlowItem[] {
  const rank = ({ event, record }: FlowItem): number => (event === null ? Infinity : record.ingestTimeMs);
  return items.toSorted((left, right) => {
    if (left.record.partition === right.record.partition) return left.record.offset - right.record.offset;
    return rank(left) === rank(right) ? 0 : rank(left) - rank(right);
  });
}

/** The events of a log in another order, none more than 200 ms of event time behind one that was after it. */
function shuffleWithin(log: readonly FlowItem[], random: RandomStream): FlowItem[] {
  const keyed = log.map((item) => ({ item, at: (item.event?.eventTimeMs ?? Infinity) + wholeBelow(random, 200) }));
  const sorted = keyed.toSorted((left, right) => left.at - right.at);
  return sorted.map(({ item }, offset) => ({ ...item, record: { ...item.record, offset } }));
}

/** Rows without what the log's order may change: the version that it had brought, and offsets. */
function settledText(rows: Parameters<typeof textOf>[0]): string {
  const settled = rows.map((row) => {
    const { grade: _grade, ...values } = row.values;
    const kept = Object.entries(values).filter(([name]) => !/^version_(time|partition|offset)$|offset/.test(name));
    return { ...row, values: Object.fromEntries(kept) };
  });
  return textOf(settled);
}
