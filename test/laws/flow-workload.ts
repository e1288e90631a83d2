import type { LogRecord } from '../../core/engine/record.ts';
import { controlTopic } from '../../core/engine/record.ts';
import { keyGroupOf, keyGroups } from '../../core/engine/key-group.ts';
import { encodeTick } from '../../core/engine/ticks.ts';
import { chance, openStream, type RandomStream, wholeBelow } from '../../simulate/random.ts';
import { contractsOfShop } from './flow-definitions.ts';

/** An event of a test log by its fields. */
export type ShopEvent = {
  readonly tenantId: string;
  readonly eventId: string;
  readonly eventTimeMs: number;
  readonly account: string;
  readonly amount?: number;
  readonly weight?: number;
  readonly op?: 'upsert' | 'delete';
  readonly grade?: string;
};

/** A record with what it means; null for a control record. */
export type FlowItem = { readonly record: LogRecord; readonly event: ShopEvent | null };

/** How a log is made: how far events come behind those before them, and what else is among them. */
export type FlowWorkload = {
  readonly seed: number;
  readonly events: number;
  /** Up to so long behind the newest event; 200 is on time, to 500 or 1100 is late, more is too late. */
  readonly behindMsMax: number;
  readonly disturbed: boolean;
  readonly partitions: number;
};

/** A log for each partition, each with its offsets, ended by the end of its input; ticks and copies among the events if disturbed. */
export function makeFlowLogs(workload: FlowWorkload): FlowItem[][] {
  const random = openStream({ seed: workload.seed, name: 'flow log' });
  const logs: FlowItem[][] = Array.from({ length: workload.partitions }, () => []);
  let newestMs = 10_000;
  for (let number = 0; number < workload.events; number++) {
    newestMs += wholeBelow(random, 200);
    const event = { ...drawEvent(random, number), eventTimeMs: Math.max(0, newestMs - behind(random, workload)) };
    append(logs, { topic: topicOf(event), event, ingestTimeMs: newestMs });
    if (!workload.disturbed) continue;
    if (chance(random, 0.05)) append(logs, { topic: topicOf(event), event, ingestTimeMs: newestMs });
    if (chance(random, 0.03)) {
      append(logs, {
        topic: topicOf(event),
        event: { ...event, account: `${event.account}x` },
        ingestTimeMs: newestMs,
      });
    }
    if (chance(random, 0.08)) appendTicks(logs, newestMs + wholeBelow(random, 3000));
  }
  for (const [partition, log] of logs.entries())
    log.push(control(log, { partition, bytes: new Uint8Array(), ingestTimeMs: newestMs }));
  return logs;
}

function behind(random: RandomStream, { behindMsMax }: FlowWorkload): number {
  return chance(random, 0.5)
    ? 0
    : wholeBelow(random, chance(random, 0.4) ? behindMsMax + 1 : Math.min(201, behindMsMax + 1));
}

function drawEvent(random: RandomStream, number: number): Omit<ShopEvent, 'eventTimeMs'> {
  const head = {
    tenantId: chance(random, 0.8) ? 't1' : 't2',
    eventId: `e${number}`,
    account: `a${wholeBelow(random, 5)}`,
  };
  const kind = wholeBelow(random, 10);
  if (kind < 4) return { ...head, amount: wholeBelow(random, 40) };
  if (kind < 7) return { ...head, weight: wholeBelow(random, 40) / (chance(random, 0.5) ? 1 : 8) };
  if (chance(random, 0.25)) return { ...head, op: 'delete' };
  return { ...head, op: 'upsert', grade: `g${wholeBelow(random, 4)}` };
}

/** The topic of an event, by the fields that it has. */
function topicOf(event: Omit<ShopEvent, 'eventTimeMs'>): string {
  const [order, parcel, grade] = contractsOfShop;
  if (event.amount !== undefined) return order.topic;
  return event.weight === undefined ? grade.topic : parcel.topic;
}

function append(
  logs: readonly FlowItem[][],
  { topic, event, ingestTimeMs }: { readonly topic: string; readonly event: ShopEvent; readonly ingestTimeMs: number },
): void {
  const group = keyGroupOf({ tenantId: event.tenantId, key: event.account });
  const partition = Math.floor((group * logs.length) / keyGroups);
  const log = logs[partition] ?? [];
  const bytes = new TextEncoder().encode(JSON.stringify(event));
  log.push({ record: { topic, partition, offset: log.length, ingestTimeMs, bytes }, event });
}

function appendTicks(logs: readonly FlowItem[][], ingestTimeMs: number): void {
  for (const [partition, log] of logs.entries()) {
    log.push(
      control(log, { partition, bytes: encodeTick({ kind: 'tick', afterOffset: log.length - 1 }), ingestTimeMs }),
    );
  }
}

function control(
  log: readonly FlowItem[],
  { partition, bytes, ingestTimeMs }: Pick<LogRecord, 'partition' | 'bytes' | 'ingestTimeMs'>,
): FlowItem {
  return { record: { topic: controlTopic, partition, offset: log.length, ingestTimeMs, bytes }, event: null };
}
