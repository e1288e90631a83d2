import { deserialize, serialize } from 'node:v8';
import { createBack, createFront, restOfBack, restOfFront, runBack, runFront } from '../../core/columnar-pipeline.ts';
import type { Back, BackRest, Front, FrontRest } from '../../core/columnar-pipeline.ts';
import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import { countAt, type EventColumns, layOutEvents, operations } from '../../core/decode/event-columns.ts';
import { createInterner } from '../../core/decode/interner.ts';
import { exportFrom, importTexts } from '../../core/decode/interner-transfer.ts';
import { createLogBlock, type LogBlock } from '../../core/decode/log-block.ts';
import type { LogRecord } from '../../core/engine/record.ts';
import type { FeatureRow } from '../../core/features/settle.ts';
import type { SettledColumns } from '../../core/features/columnar-settled.ts';
import { layOutDecisions } from '../../core/score/decision-columns.ts';
import { materialise } from '../../core/score/materialise.ts';
import { ledgerEntryAt } from '../../core/sinks/columnar-ledger-entries.ts';
import { columnarLedgerTotals } from '../../core/sinks/columnar-ledger-state.ts';
import { createEffects, countUp, type Effects } from '../../core/sinks/effects.ts';
import { forgetRemembered, type KnownRows } from '../../core/steps/columnar-admission.ts';
import { notAccepted } from '../../core/steps/columnar-front.ts';
import { textOf, type Interner } from '../../core/decode/interner.ts';
import { eventLayoutOf } from '../../core/steps/event-layout.ts';
import { KeptPages } from '../engine/kept-pages.ts';
import { batches, type Output, type RunPlan } from './harness.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';
import type { SmallWeir } from '../../simulate/hostile/small-weir.ts';

/** Runs the columnar pipeline over a log as a shell does, and gives its effects as the readable pipeline gives its own. */
export function runColumnar(
  { weir, scoring, ruleSet }: SmallWeir,
  log: readonly LogItem[],
  plan: RunPlan = {},
): Output {
  const options = {
    plan: weir.features.plan,
    layout: eventLayoutOf(weir.features.plan, ruleSet),
    allowedLatenessMs: weir.features.allowedLatenessMs,
    watermarkPer: weir.watermarkPer,
    scoring,
    ledger: weir.ledger,
  };
  const interner = createInterner();
  let front = createFront({ ...options, interner });
  let back = createBack({ ...options, interner });
  const run: Run = { all: createEffects(), rows: new Map(), bodies: new Map(), targets: new Set(), rowsSent: 0 };
  const kept = { front: new KeptPages(), back: new KeptPages() };
  let restarts = 0;
  for (const [batch, items] of batches(log, plan.batchSizes ?? []).entries()) {
    takeBatch({ front, back }, run, { items, scoring });
    forgetRemembered(front.state.admission, front.state.admission.next);
    for (const [half, { book }] of [['front', front] as const, ['back', back] as const]) {
      // A cut is copied while the next batches write to what it holds.
      if (batch % 3 === 0) kept[half].begin(book, batch % 12 === 0 ? 'whole' : 'changed');
      else kept[half].slice(20);
    }
    if (plan.restartAfter?.(batch) !== true) continue;
    const texts = createInterner();
    importTexts(texts, exportFrom(front.interner, 0));
    const rest = deserialize(serialize([restOfFront(front), restOfBack(back)])) as [FrontRest, BackRest];
    kept.front.begin(front.book, 'changed');
    kept.back.begin(back.book, 'changed');
    for (const half of Object.values(kept)) half.finish();
    front = createFront({ ...options, interner: texts }, { book: kept.front.restore(), rest: rest[0] });
    back = createBack({ ...options, interner: texts }, { book: kept.back.restore(), rest: rest[1] });
    restarts += 1;
  }
  for (const half of Object.values(kept)) half.finish();
  const featureRows = [...run.rows.values()].toSorted((left, right) => left.identity.offset - right.identity.offset);
  const totals = columnarLedgerTotals(back.state.ledger);
  return { ...run.all, featureRows, rowsSent: run.rowsSent, restarts, totals };
}

/** The records of some items as a block, at offsets from the first one's on. */
function blockOf(items: readonly { readonly record: LogRecord }[]): LogBlock {
  const block = createLogBlock({ recordsMax: items.length, partition: 0 });
  block.bytes = Buffer.concat(items.map(({ record }) => record.bytes));
  block.firstOffset = items[0]?.record.offset ?? 0;
  let at = 0;
  for (const [row, { record }] of items.entries()) {
    if (!block.topics.includes(record.topic)) block.topics.push(record.topic);
    block.topic[row] = block.topics.indexOf(record.topic);
    block.start[row] = at;
    at += record.bytes.length;
    block.end[row] = at;
    block.ingestTimeMs[row] = record.ingestTimeMs;
  }
  block.count = items.length;
  return block;
}

type Run = {
  readonly all: Effects;
  readonly rows: Map<number, FeatureRow>;
  readonly bodies: Map<string, Uint32Array>;
  readonly targets: Set<string>;
  rowsSent: number;
};

type Batch = { readonly items: readonly LogItem[]; readonly scoring: SmallWeir['scoring'] };

function takeBatch({ front, back }: { readonly front: Front; readonly back: Back }, run: Run, batch: Batch): void {
  const { items, scoring } = batch;
  const block = blockOf(items);
  const { columns, decisions, values } = spaceFor(front, { rows: items.length, rules: scoring.ruleSet.rules.length });
  const lookUp = (rows: EventColumns): KnownRows => knownOf(run, rows);
  const { settled, rare } = runFront(front, { block, columns, values, lookUp });
  const { segments, chainBlocks } = runBack(back, { columns, values, out: decisions }, rare);
  const { all } = run;
  const { interner } = front;
  for (let row = 0; row < items.length; row += 1) {
    if (columns.lateness[row] !== notAccepted) noteId(run, columns, row);
    if (columns.op[row] !== operations.authorization) continue;
    all.decisions.push(materialise({ scoring, columns, interner, values, decisions, partition: 0, row }));
  }
  for (const segment of segments) {
    for (let row = 0; row < segment.counts[0]!; row += 1) all.ledgerEntries.push(ledgerEntryAt(segment, row, interner));
  }
  all.chainBlocks.push(...chainBlocks);
  all.lateEvents.push(...rare.lateEvents);
  all.deadLetters.push(...rare.deadLetters);
  for (const [name, by] of rare.counts) countUp(all.counts, name, by);
  run.rowsSent += settled.rowCount;
  for (const row of featureRowsOf(settled, interner)) run.rows.set(row.identity.offset, row);
}

function spaceFor({ layout, plan }: Front, { rows, rules }: { readonly rows: number; readonly rules: number }) {
  const size = { layout, rowsMax: rows, textBytesMax: rows * 800 };
  const layOut = (space: Parameters<typeof layOutEvents>[0]) => ({
    columns: layOutEvents(space, size),
    decisions: layOutDecisions(space, { rowsMax: rows, ruleCount: rules }),
    values: space.float64(rows * plan.features.length),
  });
  return layOut(createColumnSpace(new ArrayBuffer(measureLayout(layOut))));
}

/** The shell's memory of ids: everything that was accepted before the batch. */
function knownOf({ bodies }: Run, columns: EventColumns): KnownRows {
  const rows = columns.counts[countAt.rows]!;
  const known: KnownRows = {
    isKnown: new Uint8Array(rows),
    bodyHash: new Uint32Array(rows * 2),
    isTargetKnown: new Uint8Array(rows),
  };
  for (let row = 0; row < rows; row += 1) {
    const body = bodies.get(hashAt(columns.idHash, row));
    if (body !== undefined) {
      known.isKnown[row] = 1;
      known.bodyHash.set(body, row * 2);
    }
    known.isTargetKnown[row] = bodies.has(hashAt(columns.targetHash, row)) ? 1 : 0;
  }
  return known;
}

function noteId({ all, bodies }: Run, columns: EventColumns, row: number): void {
  bodies.set(hashAt(columns.idHash, row), columns.bodyHash.slice(row * 8, row * 8 + 2));
  const idHash = hexOf(columns.idHash.subarray(row * 4, row * 4 + 4));
  const bodyHash = hexOf(columns.bodyHash.subarray(row * 8, row * 8 + 8));
  all.acceptedKeys.push({ idHash, bodyHash, offset: columns.firstOffset[0]! + row });
}

function hashAt(words: Uint32Array, row: number): string {
  return words.subarray(row * 4, row * 4 + 4).join();
}

function hexOf(words: Uint32Array): string {
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
}

function featureRowsOf(settled: SettledColumns, interner: Interner): FeatureRow[] {
  const { featureCount } = settled;
  const vector = (values: Float64Array, row: number): (number | null)[] =>
    Array.from(values.subarray(row * featureCount, (row + 1) * featureCount), (value) =>
      Number.isNaN(value) ? null : value,
    );
  return Array.from({ length: settled.rowCount }, (_, row): FeatureRow => {
    const id = settled.text.subarray(settled.eventIdStart[row], settled.eventIdEnd[row]);
    return {
      identity: {
        tenantId: textOf(interner, settled.tenant[row]!),
        accountId: textOf(interner, settled.account[row]!),
        eventId: Buffer.from(id).toString(),
        eventTimeMs: settled.eventTimeMs[row]!,
        offset: settled.offset[row]!,
      },
      late: settled.late[row] === 1,
      tooLate: settled.tooLate[row] === 1,
      revision: settled.revision[row] === -1 ? null : settled.revision[row]!,
      decision: vector(settled.decision, row),
      settled: settled.tooLate[row] === 1 ? null : vector(settled.settled, row),
    };
  });
}
