import type { FlowRow } from '../../core/engine/operator.ts';
import { contractsOfShop } from './flow-definitions.ts';
import type { FlowItem, ShopEvent } from './flow-workload.ts';

/** An event that got in, with its place in the log of its partition. */
export type NaiveEvent = ShopEvent & { readonly topic: string; readonly partition: number; readonly offset: number };

/** What judging a log gives: who got in, how many did not, and the state's watermark after each record. */
export type NaiveLog = {
  readonly accepted: readonly NaiveEvent[];
  readonly late: number;
  readonly tooLate: number;
  readonly duplicates: number;
  readonly watermarks: readonly number[];
  readonly idle: number;
};

type Input = { watermarkMs: number; speaksUntilMs: number; isIdle: boolean };

/** Judges the records of one partition, one by one, over everything that was before. */
export function judge(items: readonly FlowItem[], watermarkPer: 'input' | 'topic'): NaiveLog {
  const inputs = new Map<string, Input>();
  const seen = new Set<string>();
  const accepted: NaiveEvent[] = [];
  const watermarks: number[] = [];
  const found = { late: 0, tooLate: 0, duplicates: 0, idle: 0 };
  let stateMs = -Infinity;
  for (const { record, event } of items) {
    const { topic, partition, offset, ingestTimeMs } = record;
    if (event === null && record.bytes.length === 0) stateMs = Infinity;
    else if (event === null) found.idle += silence(inputs, ingestTimeMs);
    else if (seen.has(JSON.stringify([topic, event.tenantId, event.account, event.eventId]))) found.duplicates += 1;
    else {
      seen.add(JSON.stringify([topic, event.tenantId, event.account, event.eventId]));
      const contract = contractsOfShop.find((one) => one.topic === topic) ?? contractsOfShop[0];
      const name = watermarkPer === 'input' ? 'input' : topic;
      const input = inputs.get(name) ?? { watermarkMs: -Infinity, speaksUntilMs: -Infinity, isIdle: false };
      inputs.set(name, input);
      const watermarkMs = Math.max(input.watermarkMs, stateMs);
      const isLate = event.eventTimeMs <= watermarkMs;
      const isTooLate = isLate && event.eventTimeMs <= watermarkMs - contract.allowedLatenessMs;
      if (isTooLate) found.tooLate += 1;
      else accepted.push({ ...event, topic, partition, offset });
      if (isLate && !isTooLate) found.late += 1;
      input.isIdle = false;
      input.speaksUntilMs = Math.max(input.speaksUntilMs, ingestTimeMs + contract.idleMs);
      input.watermarkMs = Math.max(input.watermarkMs, event.eventTimeMs - contract.outOfOrdernessMs);
    }
    stateMs = Math.max(stateMs, minimum([...inputs.values()]));
    watermarks.push(stateMs);
  }
  return { accepted, watermarks, ...found };
}

function silence(inputs: ReadonlyMap<string, Input>, ingestTimeMs: number): number {
  let fallen = 0;
  for (const input of inputs.values()) {
    if (input.isIdle || ingestTimeMs < input.speaksUntilMs) continue;
    input.isIdle = true;
    fallen += 1;
  }
  return fallen;
}

function minimum(inputs: readonly Input[]): number {
  const speaking = inputs.filter((input) => !input.isIdle);
  const times = (speaking.length > 0 ? speaking : inputs).map(({ watermarkMs }) => watermarkMs);
  if (times.length === 0) return -Infinity;
  return speaking.length > 0 ? Math.min(...times) : Math.max(...times);
}

/** All pairs over all events, and those that nothing matched. */
export function naivePairs(accepted: readonly NaiveEvent[], keep: 'inner' | 'left' | 'right' | 'full'): FlowRow[] {
  const [orders, parcels] = [contractsOfShop[0], contractsOfShop[1]].map(({ topic }) =>
    accepted.filter((event) => event.topic === topic),
  );
  const pairs = (orders ?? []).flatMap((order) =>
    (parcels ?? []).filter((parcel) => isPair(order, parcel)).map((parcel) => [order, parcel] as const),
  );
  const matched = new Set(pairs.flat());
  const aloneLeft = keep === 'left' || keep === 'full' ? (orders ?? []).filter((event) => !matched.has(event)) : [];
  const aloneRight = keep === 'right' || keep === 'full' ? (parcels ?? []).filter((event) => !matched.has(event)) : [];
  return [
    ...pairs.map(([order, parcel]) => pairRow(order, parcel)),
    ...aloneLeft.map((order) => pairRow(order, null)),
    ...aloneRight.map((parcel) => pairRow(null, parcel)),
  ];
}

function isPair(order: NaiveEvent, parcel: NaiveEvent): boolean {
  if (order.tenantId !== parcel.tenantId || order.account !== parcel.account) return false;
  return parcel.eventTimeMs >= order.eventTimeMs - 1000 && parcel.eventTimeMs <= order.eventTimeMs + 2000;
}

function pairRow(order: NaiveEvent | null, parcel: NaiveEvent | null): FlowRow {
  return {
    output: 'sent',
    tenantId: (order ?? parcel)?.tenantId ?? '',
    key: JSON.stringify([
      order?.account ?? null,
      order?.eventId ?? null,
      parcel?.account ?? null,
      parcel?.eventId ?? null,
    ]),
    revision: 0,
    isRetraction: false,
    values: {
      amount: order?.amount ?? null,
      weight: parcel?.weight ?? null,
      waited_ms: order === null || parcel === null ? null : parcel.eventTimeMs - order.eventTimeMs,
    },
  };
}

/** Each order with the version that the log had brought and the one that was valid, both found among all changes. */
export function naiveGrades({ accepted, watermarks }: NaiveLog, keep: 'inner' | 'left'): FlowRow[] {
  const changes = accepted.filter((event) => event.topic === contractsOfShop[2].topic);
  return accepted
    .filter((event) => event.topic === contractsOfShop[0].topic)
    .flatMap((order) => {
      const mine = changes.filter(
        (change) =>
          change.tenantId === order.tenantId &&
          change.account === order.account &&
          change.eventTimeMs <= order.eventTimeMs,
      );
      const settledAt = watermarks.findIndex((ms, offset) => offset >= order.offset && ms >= order.eventTimeMs);
      const steps = mine.map((change) => ({
        change,
        valid: newest(mine.filter((one) => one.offset <= change.offset)),
      }));
      const revision = steps.filter(({ change, valid }) => change.offset > settledAt && valid === change).length;
      const decision = present(newest(mine.filter((change) => change.offset < order.offset)));
      const settled = present(newest(mine));
      if (keep === 'inner' && settled === null && revision === 0) return [];
      return [gradeRow({ order, decision, settled, revision, isRetraction: keep === 'inner' && settled === null })];
    });
}

function newest(changes: readonly NaiveEvent[]): NaiveEvent | null {
  const ordered = changes.toSorted((left, right) => left.eventTimeMs - right.eventTimeMs || left.offset - right.offset);
  return ordered.at(-1) ?? null;
}

function present(change: NaiveEvent | null): NaiveEvent | null {
  return change?.op === 'delete' ? null : change;
}

function gradeRow(row: {
  readonly order: NaiveEvent;
  readonly decision: NaiveEvent | null;
  readonly settled: NaiveEvent | null;
  readonly revision: number;
  readonly isRetraction: boolean;
}): FlowRow {
  const { order, decision, settled, revision, isRetraction } = row;
  return {
    output: 'graded',
    tenantId: order.tenantId,
    key: JSON.stringify([order.account, order.eventId]),
    revision,
    isRetraction,
    values: {
      amount: order.amount ?? null,
      grade: decision?.grade ?? null,
      grade_settled: settled?.grade ?? null,
      version_time: decision?.eventTimeMs ?? null,
      version_partition: decision?.partition ?? null,
      version_offset: decision?.offset ?? null,
      version_time_settled: settled?.eventTimeMs ?? null,
      version_partition_settled: settled?.partition ?? null,
      version_offset_settled: settled?.offset ?? null,
    },
  };
}
