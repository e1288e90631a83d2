import { deserialize, serialize } from 'node:v8';
import { expect } from 'vitest';
import { createFront, type Front, type FrontRest, restOfFront, runFront } from '../../core/columnar-pipeline.ts';
import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import { contractNumbers, type EventColumns, layOutEvents, operations } from '../../core/decode/event-columns.ts';
import { createInterner, textOf } from '../../core/decode/interner.ts';
import { exportFrom, importTexts } from '../../core/decode/interner-transfer.ts';
import { createLogBlock, type LogBlock } from '../../core/decode/log-block.ts';
import { keyGroupOf } from '../../core/engine/key-group.ts';
import { controlTopic } from '../../core/engine/record.ts';
import { layOutForeignReads } from '../../core/features/columnar-foreign.ts';
import type { SettledColumns } from '../../core/features/columnar-settled.ts';
import { type ForeignKey, foreignKeysOf } from '../../core/features/foreign-plan.ts';
import type { Plan } from '../../core/features/plan.ts';
import { labelKeyOf } from '../../core/features/state.ts';
import { eventLayoutOf } from '../../core/steps/event-layout.ts';
import { placeRoutedEvent, routedContractOf, writeSourceTime } from '../../core/steps/repartition-record.ts';
import { createMemoryStore, type FeatureStore } from '../../runtime/feature-store.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';
import { openStream, type RandomStream, wholeBelow } from '../../simulate/random.ts';
import { KeptPages } from '../engine/kept-pages.ts';

type Values = readonly (number | null)[];

/** What a decision used and read, by the event. */
export type ReadDecision = {
  readonly features: Values;
  /** By foreign key. */
  readonly reads: readonly { readonly offset: number; readonly ageMs: number }[];
};

/** What came of a run over several partitions. */
export type RepartitionRun = {
  readonly decisions: ReadonlyMap<string, ReadDecision>;
  /** By foreign key: its topic, and the last revision of what settled. */
  readonly keys: readonly {
    readonly key: ForeignKey;
    readonly topics: readonly (readonly { readonly offset: number; readonly value: Uint8Array }[])[];
    readonly settled: ReadonlyMap<string, Values>;
  }[];
  readonly restarts: number;
};

type Owner = { front: Front; taken: number; readonly topic: { readonly offset: number; readonly value: Uint8Array }[] };

/**
 * Takes a log in `partitions` parts by account, each by a front of its own that routes events to the owners of its foreign
 * keys, who take them in batches of their own, in an order of who is next that the seed draws.
 */
export function runRepartitions(options: {
  readonly plan: Plan;
  readonly log: readonly LogItem[];
  readonly partitions: number;
  readonly seed: number;
  readonly isBusy: boolean;
}): RepartitionRun {
  const { log, partitions, seed } = options;
  const run = openRun(options);
  const { sources, keys } = run;
  const stream = openStream({ seed, name: 'repartition' });
  for (const [partition, items] of splitLog(log, partitions).entries()) sources[partition]!.items.push(...items);
  while (sources.some(({ items, taken }) => taken < items.length)) {
    takeSource(run, wholeBelow(stream, partitions), stream);
    for (const number of keys.keys()) takeOwner(run, { number, target: wholeBelow(stream, partitions) }, stream);
  }
  for (let partition = 0; partition < partitions; partition++) tellTime(run, partition, Number.POSITIVE_INFINITY);
  for (const [number, { owners }] of keys.entries()) {
    for (const [target, owner] of owners.entries()) {
      while (owner.taken < owner.topic.length) takeOwner(run, { number, target }, stream);
    }
  }
  return {
    decisions: run.decisions,
    keys: keys.map(({ key, owners, settled }) => ({ key, topics: owners.map(({ topic }) => topic), settled })),
    restarts: run.restarts,
  };
}

function openRun({ plan, partitions, isBusy }: Parameters<typeof runRepartitions>[0]) {
  const foreign = foreignKeysOf(plan);
  const blocks = isBusy ? { blockEntries: 4, leafEntries: 2, fanout: 2 } : {};
  const ofKey = { sourcePartitions: partitions, ...blocks };
  const numbers = Array.from({ length: partitions }, (_, number) => number);
  return {
    partitions,
    ofKey,
    sources: numbers.map(() => ({ items: new Array<LogItem>(), front: openFront(plan, { foreign }), taken: 0 })),
    keys: foreign.map((key) => ({
      key,
      store: createMemoryStore(),
      settled: new Map<string, Values>(),
      owners: numbers.map((): Owner => ({ front: openFront(key.plan, ofKey), taken: 0, topic: [] })),
    })),
    decisions: new Map<string, ReadDecision>(),
    restarts: 0,
  };
}

type Running = ReturnType<typeof openRun>;

/** A record of a topic between owners; marks of transactions take offsets too. */
function send({ keys }: Running, at: { readonly number: number; readonly target: number }, value: Uint8Array): void {
  const { topic } = keys[at.number]!.owners[at.target]!;
  topic.push({ offset: (topic.at(-1)?.offset ?? 0) + 1 + (topic.length % 2), value });
}

function tellTime(run: Running, partition: number, watermarkMs: number): void {
  const value = writeSourceTime({ partition, watermarkMs, isIdle: false });
  for (const number of run.keys.keys()) {
    for (let target = 0; target < run.partitions; target++) send(run, { number, target }, value);
  }
}

function takeSource(run: Running, partition: number, stream: RandomStream): void {
  const { partitions } = run;
  const source = run.sources[partition]!;
  const items = source.items.slice(source.taken, source.taken + 1 + wholeBelow(stream, 40));
  source.taken += items.length;
  for (const { foreign: number, key, logOffset, bytes } of takeItems(source.front, items, run)) {
    placeRoutedEvent(bytes, { partition, offset: logOffset });
    const target = keyGroupOf({ tenantId: '', key }) % partitions;
    send(run, { number, target }, bytes);
    // A copy of what has been sent is known by its source.
    if (wholeBelow(stream, 20) === 0) send(run, { number, target }, bytes);
  }
  if (wholeBelow(stream, 2) === 0) tellTime(run, partition, source.front.state.admission.stateMs);
}

function takeOwner(
  run: Running,
  { number, target }: { readonly number: number; readonly target: number },
  stream: RandomStream,
): void {
  const { store, settled, owners, key } = run.keys[number]!;
  const owner = owners[target]!;
  const records = owner.topic.slice(owner.taken, owner.taken + 1 + wholeBelow(stream, 60));
  if (records.length === 0) return;
  takeRecords(owner, records, { store, settled });
  if (wholeBelow(stream, 5) > 0) return;
  owner.front = reopen(owner.front, key.plan, run.ofKey);
  run.restarts++;
}

function splitLog(log: readonly LogItem[], partitions: number): LogItem[][] {
  const parts = Array.from({ length: partitions }, (): LogItem[] => []);
  for (const item of log) {
    if (item.meaning.kind === 'end') continue;
    const { tenantId, accountId } = item.meaning.kind === 'event' ? item.meaning.domain.event : refusedIn;
    parts[keyGroupOf({ tenantId, key: accountId }) % partitions]!.push(item);
  }
  return parts.map((items) => items.map((item, offset) => ({ ...item, record: { ...item.record, offset } })));
}

const refusedIn = { tenantId: 't1', accountId: 'a1' } as const;

type MoreOptions = Pick<
  Parameters<typeof createFront>[0],
  'foreign' | 'sourcePartitions' | 'blockEntries' | 'leafEntries' | 'fanout'
>;

function openFront(
  plan: Plan,
  more: MoreOptions,
  within?: { readonly interner: Front['interner']; readonly kept: NonNullable<Parameters<typeof createFront>[1]> },
): Front {
  const interner = within?.interner ?? createInterner();
  const layout = eventLayoutOf(plan, null);
  return createFront(
    { plan, layout, interner, allowedLatenessMs: 60_000, watermarkPer: 'input', ...more },
    within?.kept,
  );
}

/** An owner's state through a checkpoint. */
function reopen(front: Front, plan: Plan, more: MoreOptions): Front {
  const pages = new KeptPages();
  pages.begin(front.book, 'whole');
  pages.finish();
  const interner = createInterner();
  importTexts(interner, exportFrom(front.interner, 0));
  const rest = deserialize(serialize(restOfFront(front))) as FrontRest;
  return openFront(plan, more, { interner, kept: { book: pages.restore(), rest } });
}

function takeItems(
  front: Front,
  items: readonly LogItem[],
  {
    keys,
    decisions,
  }: {
    readonly keys: readonly { readonly store: FeatureStore }[];
    readonly decisions: Map<string, ReadDecision>;
  },
): ReturnType<typeof runFront>['routed'] {
  if (items.length === 0) return [];
  const block = blockOf(items.map(({ record }) => ({ ...record, value: record.bytes })));
  const { columns, values, reads } = spaceFor(front, items.length, keys.length);
  const readView = (foreign: number, key: string) => keys[foreign]!.store.read(key);
  const { routed } = runFront(front, { block, columns, values, lookUp: nothingKnown, readView, reads });
  const width = front.plan.features.length;
  for (let row = 0; row < items.length; row++) {
    if (columns.op[row] !== operations.authorization) continue;
    decisions.set(nameOf(front, columns, row), {
      features: vectorOf(values, row, width),
      reads: keys.map((_, foreign) => ({
        offset: reads.foreignOffset[row * keys.length + foreign]!,
        ageMs: reads.foreignAgeMs[row * keys.length + foreign]!,
      })),
    });
  }
  return routed;
}

function takeRecords(
  owner: Owner,
  records: readonly { readonly offset: number; readonly value: Uint8Array }[],
  { store, settled }: { readonly store: FeatureStore; readonly settled: Map<string, Values> },
): void {
  const { front } = owner;
  const names = Object.keys(contractNumbers);
  const placed = records.map(({ value }, index) => {
    const topic = names[routedContractOf(value) ?? -1] ?? controlTopic;
    return { topic, value, offset: owner.taken + index, ingestTimeMs: 0 };
  });
  const { columns, values } = spaceFor(front, records.length, 0);
  const block = blockOf(placed);
  const { settled: rows, views } = runFront(front, { block, columns, values, lookUp: nothingKnown });
  owner.taken += records.length;
  const { offset } = records.at(-1)!;
  store.put(views.map(({ key, view }) => ({ key, view: { ...view, offset } })));
  noteSettled(front, rows, settled);
}

function noteSettled(front: Front, rows: SettledColumns, settled: Map<string, Values>): void {
  const { interner } = front;
  for (let row = 0; row < rows.rowCount; row++) {
    const id = rows.text.subarray(rows.eventIdStart[row], rows.eventIdEnd[row]);
    const name = labelKeyOf({
      tenantId: textOf(interner, rows.tenant[row]!),
      accountId: textOf(interner, rows.account[row]!),
      eventId: Buffer.from(id).toString(),
    });
    expect(rows.revision[row]).toBeGreaterThanOrEqual(0);
    settled.set(name, vectorOf(rows.settled, row, rows.featureCount));
  }
}

function nameOf({ interner }: Front, columns: EventColumns, row: number): string {
  const id = columns.text.subarray(columns.eventIdStart[row], columns.eventIdEnd[row]);
  return labelKeyOf({
    tenantId: textOf(interner, columns.tenant[row]!),
    accountId: textOf(interner, columns.account[row]!),
    eventId: Buffer.from(id).toString(),
  });
}

function vectorOf(values: Float64Array, row: number, width: number): Values {
  return Array.from(values.subarray(row * width, (row + 1) * width), (value) => (Number.isNaN(value) ? null : value));
}

/** All ids are remembered within a run. */
function nothingKnown(columns: EventColumns) {
  const rows = columns.rowsMax;
  return { isKnown: new Uint8Array(rows), bodyHash: new Uint32Array(rows * 2), isTargetKnown: new Uint8Array(rows) };
}

function spaceFor({ layout, plan }: Front, rowsMax: number, foreignCount: number) {
  const layOut = (space: Parameters<typeof layOutEvents>[0]) => ({
    columns: layOutEvents(space, { layout, rowsMax, textBytesMax: rowsMax * 800 }),
    values: space.float64(rowsMax * plan.features.length),
    reads: layOutForeignReads(space, { rowsMax, foreignCount }),
  });
  return layOut(createColumnSpace(new ArrayBuffer(measureLayout(layOut))));
}

type Placed = {
  readonly topic: string;
  readonly offset: number;
  readonly ingestTimeMs: number;
  readonly value: Uint8Array;
};

function blockOf(records: readonly Placed[]): LogBlock {
  const block = createLogBlock({ recordsMax: records.length, partition: 0 });
  block.bytes = Buffer.concat(records.map(({ value }) => value));
  block.firstOffset = records[0]?.offset ?? 0;
  block.count = records.length;
  let end = 0;
  for (const [row, { topic, value, ingestTimeMs }] of records.entries()) {
    if (!block.topics.includes(topic)) block.topics.push(topic);
    block.topic[row] = block.topics.indexOf(topic);
    block.start[row] = end;
    end += value.length;
    block.end[row] = end;
    block.ingestTimeMs[row] = ingestTimeMs;
  }
  return block;
}
