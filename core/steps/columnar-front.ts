import { inputContracts } from '../contract/contracts.ts';
import { decode } from '../decode/decode.ts';
import { countAt, type EventColumns, noContract, operations } from '../decode/event-columns.ts';
import type { LogBlock } from '../decode/log-block.ts';
import type { Refusal } from '../decode/refusal.ts';
import { activationTopic, controlTopic, type LogRecord } from '../engine/record.ts';
import type { EventHead } from '../features/state.ts';
import { type Counts, countUp, type DeadLetter, type LateEvent } from '../sinks/effects.ts';
import { finiteOrNull } from './batch.ts';
import {
  type AdmissionTimes,
  admitRow,
  advanceInput,
  type ColumnarAdmission,
  endColumnarInputs,
  isRemembered,
  type JudgedBy,
  type KnownRows,
  verdicts,
} from './columnar-admission.ts';
import { conflict, future } from './set-aside.ts';

/** How a row that was accepted nowhere is marked in `lateness`. */
export const notAccepted = 255;

/** Times and topics of the contracts, in the order of `contractNumbers`. */
export const frontContracts: readonly (AdmissionTimes & { readonly topic: string; readonly retentionMs: number })[] = [
  ...inputContracts.values(),
];

/** What the windows do with a row; the feature engine's part of the front. */
export type FrontWindows = {
  /** Takes an authorization in; `lateness` is one of `latenesses`, `watermarkMs` the state's. */
  readonly observe: (row: number, lateness: number, watermarkMs: number) => void;
  /** Labels the authorization that a dispute refers to, and says what came of it. */
  readonly label: (row: number, dispute: { readonly isTargetKnown: boolean; readonly watermarkMs: number }) => string;
  /** Settles what the watermark has reached, and gives the labels whose event never came. */
  readonly passTime: (watermarkMs: number) => readonly { readonly offset: number; readonly event: EventHead }[];
};

/** A batch on its way through the front. */
export type TakenBatch = {
  readonly block: LogBlock;
  readonly columns: EventColumns;
  /** Why a row is no event, by row. */
  readonly refusals: ReadonlyMap<number, Refusal>;
  readonly known: KnownRows;
  readonly windows: FrontWindows;
  /** Where what is rare goes. */
  readonly rare: Rare;
};

/** What of a batch is rare: objects that go beside the columns, in log order. */
export type Rare = {
  readonly deadLetters: DeadLetter[];
  readonly lateEvents: LateEvent[];
  /** The row at which each late event was found to be one. */
  readonly lateRows: number[];
  readonly counts: Counts;
};

/** Nothing yet. */
export function createRare(): Rare {
  return { deadLetters: [], lateEvents: [], lateRows: [], counts: new Map() };
}

/** What takes rows: the admission, and what its configuration says. */
export type Taking = {
  readonly admission: ColumnarAdmission;
  readonly watermarkPer: 'input' | 'topic';
  /** The label's topic of the definition, empty where it reads none. */
  readonly labelTopic: string;
};

/** `take` and `passTime` of the readable core over columns: takes every row of a batch, in log order: admission, windows, time. Sets `op`, `lateness` and the watermarks of each row. */
export function takeRows(front: Taking, batch: TakenBatch): void {
  const { columns, known, windows, rare } = batch;
  const { admission } = front;
  const judges = frontContracts.map((times, contract): JudgedBy => ({
    times,
    known,
    input: front.watermarkPer === 'input' ? 0 : contract,
  }));
  const accepted = new Uint32Array(frontContracts.length);
  const rows = columns.counts[countAt.rows]!;
  for (let row = 0; row < rows; row++) {
    const contract = columns.contract[row]!;
    columns.op[row] = operations.none;
    columns.lateness[row] = notAccepted;
    if (contract === noContract) takeOther(front, batch, row);
    else {
      const judge = judges[contract]!;
      const verdict = admitRow(admission, columns, row, judge);
      if (verdict > verdicts.tooLate) setRowAside(batch, row, verdict);
      else {
        columns.lateness[row] = verdict;
        accepted[contract]!++;
        if (verdict !== verdicts.onTime) noteLate(batch, row);
        takeAccepted(front, batch, row);
        advanceInput(admission, judge.input, columns.eventTimeMs[row]! - judge.times.outOfOrdernessMs);
      }
    }
    const { stateMs } = admission;
    columns.stateWatermarkMs[row] = stateMs;
    const given = windows.passTime(stateMs);
    if (given.length > 0) given.forEach((waiting) => giveUp(front, batch, { row, waiting }));
  }
  countUp(rare.counts, 'records', rows);
  accepted.forEach((count, contract) => {
    if (count > 0) countUp(rare.counts, `accepted.${frontContracts[contract]!.topic}`, count);
  });
}

/** The event of a row, as the readable decoder has it. */
export function eventOfRow(block: LogBlock, row: number): EventHead {
  const record = recordOf(block, row);
  const decoded = decode(record);
  if (decoded.ok) return decoded.event.event;
  throw new Error(`got ${decoded.refusal.message} at offset ${record.offset}, expected the event that it was before`);
}

/** The record of a row, as the readable core takes it. Its bytes are a copy. */
function recordOf(block: LogBlock, row: number): LogRecord {
  return {
    topic: block.topics[block.topic[row]!]!,
    partition: block.partition,
    offset: block.firstOffset + row,
    ingestTimeMs: block.ingestTimeMs[row]!,
    bytes: new Uint8Array(block.bytes.subarray(block.start[row], block.end[row])),
  };
}

const contractAt = { authorization: 0, clearing: 1, reversal: 2, dispute: 3 } as const;

function takeAccepted(front: Taking, { columns, known, windows, rare }: TakenBatch, row: number): void {
  const contract = columns.contract[row]!;
  const { admission } = front;
  if (contract === contractAt.authorization) {
    columns.op[row] = operations.authorization;
    windows.observe(row, columns.lateness[row]!, admission.stateMs);
    return;
  }
  if (columns.lateness[row] === verdicts.tooLate) return;
  if (contract === contractAt.clearing) columns.op[row] = operations.clearing;
  else if (contract === contractAt.reversal) columns.op[row] = operations.reversal;
  else if (frontContracts[contract]!.topic === front.labelTopic) {
    const isTargetKnown = known.isTargetKnown[row] === 1 || isRemembered(admission, columns.targetHash, row * 4);
    const outcome = windows.label(row, { isTargetKnown, watermarkMs: admission.stateMs });
    countUp(rare.counts, `labels.${outcome}`);
  }
}

/** Counts a row that came late; one that came too late goes whole to the late sink. */
export function noteLate(batch: Pick<TakenBatch, 'block' | 'columns' | 'rare'>, row: number): void {
  const { rare } = batch;
  const verdict = batch.columns.lateness[row];
  countUp(rare.counts, verdict === verdicts.late ? 'late' : 'tooLate');
  if (verdict === verdicts.late) return;
  const record = recordOf(batch.block, row);
  const watermarkMs = batch.columns.arrivalWatermarkMs[row]!;
  rare.lateRows.push(row);
  rare.lateEvents.push({
    topic: record.topic,
    offset: record.offset,
    reason: 'tooLate',
    event: eventOfRow(batch.block, row),
    lateByMs: finiteOrNull(watermarkMs - batch.columns.eventTimeMs[row]!),
    watermarkMs: finiteOrNull(watermarkMs),
  });
}

function setRowAside(batch: TakenBatch, row: number, verdict: number): void {
  const { columns, rare } = batch;
  if (verdict === verdicts.duplicate) return countUp(rare.counts, 'duplicates');
  if (verdict === verdicts.conflict) return refuseRow(batch, row, conflict);
  const aheadMs = columns.eventTimeMs[row]! - columns.ingestTimeMs[row]!;
  const { maxFutureMs } = frontContracts[columns.contract[row]!]!;
  return refuseRow(batch, row, future(aheadMs, maxFutureMs));
}

/** A row that is no event: the end of the input, an activation, or a record that was refused. */
function takeOther(front: Taking, batch: TakenBatch, row: number): void {
  const { block, refusals } = batch;
  const topic = block.topics[block.topic[row]!];
  if (topic === controlTopic) return endColumnarInputs(front.admission);
  if (topic === activationTopic) return;
  const refusal = refusals.get(row);
  if (refusal === undefined) throw new Error(`got row ${row} without an event and without a refusal`);
  return refuseRow(batch, row, refusal);
}

/** Sends a row to the dead letters, with its original bytes and the topic that it was meant for. */
function refuseRow(batch: TakenBatch, row: number, refusal: Refusal): void {
  const { rare, block } = batch;
  const record = recordOf(block, row);
  const decoded = decode(record);
  const { topic, bytes } = decoded.ok ? record : decoded;
  const { partition, offset, ingestTimeMs } = record;
  rare.deadLetters.push({ topic, partition, offset, ingestTimeMs, refusal, bytes });
  countUp(rare.counts, `deadLetters.${refusal.code}`);
}

type GivenUp = { readonly row: number; readonly waiting: { readonly offset: number; readonly event: EventHead } };

function giveUp(front: Taking, { rare }: TakenBatch, { row, waiting }: GivenUp): void {
  rare.lateRows.push(row);
  rare.lateEvents.push({
    topic: front.labelTopic,
    offset: waiting.offset,
    reason: 'unknownAuthorization',
    event: waiting.event,
    lateByMs: null,
    watermarkMs: finiteOrNull(front.admission.stateMs),
  });
  countUp(rare.counts, 'unknownAuthorization');
}
