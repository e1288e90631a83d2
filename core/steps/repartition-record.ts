// What the owner of a source partition sends to those of foreign keys, little-endian:
//
//   0 kind   1 lateness or idle   2 key bytes   4 source partition   8 source offset   16 watermark   24 label time
//   32 values   36 contract   40 decided values (f64 each), key, event as the source has it
//
// An event is sent whole: the decoder that checked it at its source then reads it here, whatever fields the key's windows
// are of. A control record is the head alone.

/** The head of a record of a repartition topic. */
export type RepartitionHead = {
  readonly kind: 'event' | 'control';
  /** Of the source partition when the event came: one of `latenesses`. */
  readonly lateness: number;
  /** The source partition is silent, and holds nobody back until it speaks again. */
  readonly isIdle: boolean;
  readonly sourcePartition: number;
  /** Of the event in its topic. */
  readonly sourceOffset: number;
  /** Of the source partition after the record. */
  readonly watermarkMs: number;
  /** The earliest label that came before its event; +Infinity without. */
  readonly labelTimeMs: number;
  /** The decided values of the features by the key, as the decision has them; none for a dispute. */
  readonly values: number;
  readonly key: string;
};

/** An event on its way to the owner of one of its foreign keys. */
export type RoutedEvent = {
  /** The number of the foreign key field. */
  readonly foreign: number;
  readonly key: string;
  /** The offset in the log of its source partition. */
  readonly logOffset: number;
  /** The record's value; where its source is `placeRoutedEvent` fills in. */
  readonly bytes: Uint8Array;
};

const headBytes = 40;
const at = {
  kind: 0,
  lateness: 1,
  keyBytes: 2,
  partition: 4,
  offset: 8,
  watermark: 16,
  label: 24,
  values: 32,
  contract: 36,
} as const;
const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/** Writes an event's record, but for the place of its source. */
export function writeRoutedEvent(event: {
  readonly key: string;
  /** One of `contractNumbers`. */
  readonly contract: number;
  readonly lateness: number;
  readonly watermarkMs: number;
  readonly labelTimeMs: number;
  readonly values: ArrayLike<number>;
  readonly body: Uint8Array;
}): Uint8Array {
  const { key, contract, lateness, watermarkMs, labelTimeMs, values, body } = event;
  const keyBytes = utf8.encoder.encode(key);
  const keyAt = headBytes + values.length * 8;
  const bytes = new Uint8Array(keyAt + keyBytes.length + body.length);
  const data = new DataView(bytes.buffer);
  data.setUint8(at.lateness, lateness);
  data.setUint16(at.keyBytes, keyBytes.length, true);
  data.setFloat64(at.watermark, watermarkMs, true);
  data.setFloat64(at.label, labelTimeMs, true);
  data.setUint32(at.values, values.length, true);
  data.setUint8(at.contract, contract);
  for (let index = 0; index < values.length; index++) data.setFloat64(headBytes + index * 8, values[index]!, true);
  bytes.set(keyBytes, keyAt);
  bytes.set(body, keyAt + keyBytes.length);
  return bytes;
}

/** Fills in where an event came from. */
export function placeRoutedEvent(
  bytes: Uint8Array,
  source: { readonly partition: number; readonly offset: number },
): void {
  const data = new DataView(bytes.buffer, bytes.byteOffset);
  data.setUint32(at.partition, source.partition, true);
  data.setFloat64(at.offset, source.offset, true);
}

/** Writes a control record: how far the event time of a source partition has come. */
export function writeSourceTime(time: {
  readonly partition: number;
  readonly watermarkMs: number;
  readonly isIdle: boolean;
}): Uint8Array {
  const bytes = new Uint8Array(headBytes);
  const data = new DataView(bytes.buffer);
  data.setUint8(at.kind, 1);
  data.setUint8(at.lateness, time.isIdle ? 1 : 0);
  data.setUint32(at.partition, time.partition, true);
  data.setFloat64(at.watermark, time.watermarkMs, true);
  data.setFloat64(at.label, Number.POSITIVE_INFINITY, true);
  return bytes;
}

/** The contract of a record's event, one of `contractNumbers`; null for a control record. */
export function routedContractOf(bytes: Uint8Array): number | null {
  return bytes[at.kind] === 1 ? null : (bytes[at.contract] ?? 0);
}

/** Reads the head of the record at `bytes[start, end)`. Throws where it is none. */
export function readHead(bytes: Uint8Array, start: number, end: number): RepartitionHead {
  if (end - start < headBytes)
    throw new RangeError(`got a record of ${end - start} bytes, expected ${headBytes} or more`);
  const data = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  const isControl = data.getUint8(at.kind) === 1;
  const mark = data.getUint8(at.lateness);
  const values = data.getUint32(at.values, true);
  const keyAt = start + headBytes + values * 8;
  return {
    kind: isControl ? 'control' : 'event',
    lateness: isControl ? 0 : mark,
    isIdle: isControl && mark === 1,
    sourcePartition: data.getUint32(at.partition, true),
    sourceOffset: data.getFloat64(at.offset, true),
    watermarkMs: data.getFloat64(at.watermark, true),
    labelTimeMs: data.getFloat64(at.label, true),
    values,
    key: utf8.decoder.decode(bytes.subarray(keyAt, keyAt + data.getUint16(at.keyBytes, true))),
  };
}

/** Where the event of a record begins that starts at `bytes[start]`. */
export function eventStartOf(bytes: Uint8Array, start: number): number {
  const data = new DataView(bytes.buffer, bytes.byteOffset + start);
  return start + headBytes + data.getUint32(at.values, true) * 8 + data.getUint16(at.keyBytes, true);
}

/** Copies the decided values of a record that starts at `bytes[start]` to `values[to...]`. */
export function readDecided(
  bytes: Uint8Array,
  start: number,
  { values, to }: { readonly values: Float64Array; readonly to: number },
): void {
  const data = new DataView(bytes.buffer, bytes.byteOffset + start);
  const count = data.getUint32(at.values, true);
  for (let index = 0; index < count; index++) values[to + index] = data.getFloat64(headBytes + index * 8, true);
}
