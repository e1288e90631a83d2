import { inputContracts } from '../contract/contracts.ts';
import { compileDecoder, decodeRow } from '../decode/compile-decoder.ts';
import type { CompiledDecoder } from '../decode/compiled-decoder.ts';
import { decode } from '../decode/decode.ts';
import { countAt, type EventColumns, type EventLayout, noContract } from '../decode/event-columns.ts';
import type { Interner } from '../decode/interner.ts';
import type { LogBlock } from '../decode/log-block.ts';
import type { Refusal } from '../decode/refusal.ts';
import { activationTopic, controlTopic } from '../engine/record.ts';

/** The compiled decoders of the contracts that come in, by topic. */
export type Decoders = ReadonlyMap<string, CompiledDecoder>;

/** Compiles the decoder of every contract that comes in. */
export function compileDecoders(layout: EventLayout, interner: Interner): Decoders {
  return new Map(
    [...inputContracts].map(([topic, contract]) => [topic, compileDecoder({ contract, layout, interner })]),
  );
}

/** Decodes every record of a block into the columns, which are begun anew; gives why a row is no event, by row. */
export function decodeBlock(decoders: Decoders, block: LogBlock, columns: EventColumns): Map<number, Refusal> {
  const refusals = new Map<number, Refusal>();
  const byTopic = block.topics.map((topic) => decoders.get(topic));
  columns.firstOffset[0] = block.firstOffset;
  columns.counts[countAt.rows] = block.count;
  columns.counts[countAt.textBytes] = 0;
  for (let row = 0; row < block.count; row++) {
    columns.ingestTimeMs[row] = block.ingestTimeMs[row]!;
    const decoder = byTopic[block.topic[row]!];
    if (decoder === undefined) refuseUnknown(block, row, { columns, refusals });
    else {
      const refused = decodeRow(decoder, columns, row, block.bytes, block.start[row]!, block.end[row]!);
      if (refused !== null) refusals.set(row, refused.refusal);
    }
  }
  return refusals;
}

/** A record of no contract: a control record, a row that its mapping could not read, or a topic that nobody knows. */
function refuseUnknown(
  block: LogBlock,
  row: number,
  { columns, refusals }: { readonly columns: EventColumns; readonly refusals: Map<number, Refusal> },
): void {
  columns.contract[row] = noContract;
  const topic = block.topics[block.topic[row]!]!;
  if (topic === controlTopic || topic === activationTopic) return;
  const decoded = decode({ topic, bytes: block.bytes.subarray(block.start[row], block.end[row]) });
  if (decoded.ok) throw new Error(`got an event of ${topic}, which has no decoder`);
  refusals.set(row, decoded.refusal);
}
