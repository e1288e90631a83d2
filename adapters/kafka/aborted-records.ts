/** What is needed of a batch of records to tell whether its transaction was aborted. */
export type MarkedBatch = {
  readonly attributes: number;
  readonly firstOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly producerId: bigint;
  readonly records: readonly { readonly key: Uint8Array | null }[];
};

/** A transaction that a broker names as aborted, by its producer and its first record in the partition. */
export type AbortedTransaction = { readonly producerId: bigint; readonly firstOffset: bigint };

// Bits of a batch's attributes, https://kafka.apache.org/documentation/#recordbatch
const isTransactional = 1 << 4;
const isControl = 1 << 5;

/**
 * The batches of a partition that are of no aborted transaction, in the order of their offsets. A producer may have several
 * aborted ones with others between them, and the mark of the last may lie beyond the batches: from its first record on a
 * transaction counts as aborted until its mark has been passed.
 */
export function withoutAborted<Batch extends MarkedBatch>(
  batches: readonly Batch[],
  aborted: readonly AbortedTransaction[],
): Batch[] {
  const coming = aborted.toSorted((left, right) => Number(left.firstOffset - right.firstOffset));
  const open = new Set<bigint>();
  return batches.filter((batch) => {
    const lastOffset = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    while (coming.length > 0 && coming[0]!.firstOffset <= lastOffset) open.add(coming.shift()!.producerId);
    if ((batch.attributes & isControl) !== 0) {
      if (isAbortMark(batch)) open.delete(batch.producerId);
      return true;
    }
    return (batch.attributes & isTransactional) === 0 || !open.has(batch.producerId);
  });
}

/** The key of a mark: its version, then what it says, 0 for an abort; two bytes each. */
function isAbortMark({ records }: MarkedBatch): boolean {
  const key = records[0]?.key;
  return key !== null && key !== undefined && key[2] === 0 && key[3] === 0;
}
