/**
 * Records of one partition as they lie in memory: spans of one buffer, without an object a record. Record i has the offset
 * `firstOffset + i`.
 */
export type LogBlock = {
  bytes: Uint8Array;
  readonly recordsMax: number;
  count: number;
  firstOffset: number;
  readonly partition: number;
  /** Every topic that the block's records have, in order of first appearance. */
  readonly topics: string[];
  /** A record's place in `topics`. */
  readonly topic: Uint16Array;
  /** A record's bytes are `bytes[start, end)`. */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  readonly ingestTimeMs: Float64Array;
};

/** An empty block. */
export function createLogBlock({ recordsMax, partition }: Pick<LogBlock, 'recordsMax' | 'partition'>): LogBlock {
  return {
    bytes: new Uint8Array(0),
    recordsMax,
    count: 0,
    firstOffset: 0,
    partition,
    topics: [],
    topic: new Uint16Array(recordsMax),
    start: new Uint32Array(recordsMax),
    end: new Uint32Array(recordsMax),
    ingestTimeMs: new Float64Array(recordsMax),
  };
}
