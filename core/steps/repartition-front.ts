import { contractNumbers, type EventColumns, latenesses, noContract, operations } from '../decode/event-columns.ts';
import type { LogBlock } from '../decode/log-block.ts';
import { isNewFromSource, moveSource, type SourceTimes } from '../engine/source-times.ts';
import { countUp } from '../sinks/effects.ts';
import { type FrontWindows, frontContracts, notAccepted, noteLate, type Rare } from './columnar-front.ts';
import { eventStartOf, readHead, type RepartitionHead } from './repartition-record.ts';

/** A batch of a repartition topic on its way into the windows of a foreign key. */
export type RepartitionBatch = {
  readonly block: LogBlock;
  /** Where each record begins: `block.start` is where its event does. */
  readonly headStart: Uint32Array;
  readonly columns: EventColumns;
  readonly windows: FrontWindows & {
    /** The label that an event brings along, before it is observed; +Infinity without. */
    readonly bring: (labelTimeMs: number) => void;
  };
  /** Told of each key whose windows a row changed, and of the row's event time. */
  readonly onTouched: (row: number, key: string) => void;
  readonly rare: Rare;
};

/** Moves the start of each record of a block to its event; gives where the records began. */
export function skipHeads(block: LogBlock): Uint32Array {
  const headStart = block.start.slice(0, block.count);
  for (let row = 0; row < block.count; row++) block.start[row] = eventStartOf(block.bytes, headStart[row]!);
  return headStart;
}

/**
 * Takes every row of a batch into the windows of a foreign key, in log order. What is late was judged at its source; here
 * it may only be so late that nothing holds its windows any more: when its source had been taken for idle.
 */
export function takeRepartitioned(times: SourceTimes, batch: RepartitionBatch): void {
  const { block, headStart, columns, windows, rare } = batch;
  for (let row = 0; row < block.count; row++) {
    columns.op[row] = operations.none;
    columns.lateness[row] = notAccepted;
    const head = readHead(block.bytes, headStart[row]!, block.end[row]!);
    const { sourcePartition: partition, sourceOffset: offset, watermarkMs, isIdle } = head;
    if (partition >= times.watermarkMs.length)
      throw new RangeError(`got source partition ${partition}, expected less than ${times.watermarkMs.length}`);
    if (head.kind === 'event') {
      const contract = columns.contract[row]!;
      if (contract === noContract) throw new Error(`got no event at offset ${block.firstOffset + row}, expected one`);
      if (isNewFromSource(times, { partition, contract, offset })) takeEvent(times, batch, row, head);
      else countUp(rare.counts, 'duplicates');
    }
    moveSource(times, { partition, watermarkMs, isIdle });
    columns.stateWatermarkMs[row] = times.stateMs;
    windows.passTime(times.stateMs);
  }
  countUp(rare.counts, 'records', block.count);
}

function takeEvent(times: SourceTimes, batch: RepartitionBatch, row: number, head: RepartitionHead): void {
  const { columns, windows, rare, onTouched } = batch;
  const { allowedLatenessMs, topic } = frontContracts[columns.contract[row]!]!;
  countUp(rare.counts, `accepted.${topic}`);
  if (columns.contract[row] !== contractNumbers['payments.authorization.v1']) {
    countUp(rare.counts, `labels.${windows.label(row, { isTargetKnown: true, watermarkMs: times.stateMs })}`);
    onTouched(row, head.key);
    return;
  }
  const isForgotten = columns.eventTimeMs[row]! <= times.stateMs - allowedLatenessMs;
  if (isForgotten) {
    columns.lateness[row] = latenesses.tooLate;
    columns.arrivalWatermarkMs[row] = times.stateMs;
    noteLate(batch, row);
    columns.lateness[row] = notAccepted;
  }
  windows.bring(head.labelTimeMs);
  windows.observe(row, isForgotten ? latenesses.tooLate : head.lateness, times.stateMs);
  if (!isForgotten) onTouched(row, head.key);
}
