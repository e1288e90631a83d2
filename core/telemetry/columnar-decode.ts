import { verdicts } from '../contract/measurement.ts';
import { type Reading, readingContract } from '../contract/reading.ts';
import { compileCanonical, type WriteCanonical } from '../decode/compile-canonical.ts';
import {
  compileRead,
  type EventSpans,
  eventBytesMax,
  paddingBytes,
  type ReadEvent,
  readings,
} from '../decode/compile-read.ts';
import { compiledFields } from '../decode/compiled-fields.ts';
import type { LogBlock } from '../decode/log-block.ts';
import { arriveReading, type ReadingArrival } from './arrive-reading.ts';
import {
  createSensorNames,
  findName,
  hashBytes,
  mix,
  resolveName,
  type SensorName,
  type SensorNames,
  type UnitText,
} from './columnar-names.ts';
import type { ReadingColumns } from './reading-columns.ts';
import type { DeviceRegistry } from './registry.ts';
import { convert } from './units.ts';

/** The decoder of readings, of generated code, with the space that it works in. */
export type ReadingDecoder = {
  readonly registry: DeviceRegistry;
  readonly names: SensorNames;
  readonly read: ReadEvent;
  readonly writeCanonical: WriteCanonical;
  readonly spans: EventSpans;
  readonly leaves: Readonly<Record<keyof Reading, number>>;
  /** The bytes that were wrapped last, and where the last reading's spans point to. */
  source: { bytes: Uint8Array; view: DataView };
  view: DataView;
  /** Room for a reading at the very end of its bytes, and for one whose keys are put in order. */
  readonly padded: DataView;
  readonly ordered: DataView;
};

/** Compiles the decoder. */
export function createReadingDecoder(registry: DeviceRegistry): ReadingDecoder {
  const fields = compiledFields(readingContract);
  const count = fields.leaves.length;
  const spans: EventSpans = {
    starts: new Int32Array(count),
    ends: new Int32Array(count),
    numbers: new Float64Array(count),
    choices: new Int32Array(count),
  };
  const leafOf = (name: keyof Reading): number => {
    const found = fields.leaves.find(({ path }) => path === name);
    if (found === undefined) throw new Error(`got no plain field ${name}, expected one`);
    return found.leaf;
  };
  const [padded, ordered] = [emptyView(), emptyView()];
  return {
    registry,
    names: createSensorNames(registry),
    read: compileRead(fields, spans),
    writeCanonical: compileCanonical(fields, spans),
    spans,
    leaves: {
      tenantId: leafOf('tenantId'),
      readingId: leafOf('readingId'),
      plant: leafOf('plant'),
      line: leafOf('line'),
      machine: leafOf('machine'),
      sensor: leafOf('sensor'),
      metric: leafOf('metric'),
      unit: leafOf('unit'),
      value: leafOf('value'),
      quality: leafOf('quality'),
      eventTimeMs: leafOf('eventTimeMs'),
    },
    source: { bytes: new Uint8Array(0), view: padded },
    view: padded,
    padded,
    ordered,
  };
}

/**
 * Decodes the records of a block into the columns, which are begun anew, finds their sensors and judges them. Gives what is no
 * reading of a known sensor, by row.
 */
export function decodeReadings(
  decoder: ReadingDecoder,
  block: LogBlock,
  columns: ReadingColumns,
): Map<number, Exclude<ReadingArrival, { kind: 'reading' }>> {
  const others = new Map<number, Exclude<ReadingArrival, { kind: 'reading' }>>();
  const isReading = block.topics.map((topic) => topic === readingContract.topic);
  columns.firstOffset[0] = block.firstOffset;
  columns.counts[0] = block.count;
  columns.counts[1] = 0;
  for (let row = 0; row < block.count; row++) {
    columns.ingestTimeMs[row] = block.ingestTimeMs[row]!;
    columns.status[row] = 0;
    if (isReading[block.topic[row]!]! && readPlain(decoder, block, row)) {
      const name = nameOfRead(decoder);
      if (name !== null) {
        writeRead(decoder, columns, row, name);
        continue;
      }
    }
    const arrival = arriveReading(decoder.registry, recordOf(block, row));
    if (arrival.kind === 'reading') writeArrived(decoder, columns, row, arrival.reading);
    else {
      columns.sensor[row] = -1;
      others.set(row, arrival);
    }
  }
  return others;
}

/** The record of a row. Its bytes are a copy. */
export function recordOf(block: LogBlock, row: number): ReadingArrival['record'] {
  return {
    topic: block.topics[block.topic[row]!]!,
    partition: block.partition,
    offset: block.firstOffset + row,
    ingestTimeMs: block.ingestTimeMs[row]!,
    bytes: new Uint8Array(block.bytes.subarray(block.start[row], block.end[row])),
  };
}

function emptyView(): DataView {
  return new DataView(new ArrayBuffer(eventBytesMax + paddingBytes));
}

/** Reads by generated code alone; false where it is not sure. Leaves the spans of the canonical text. */
function readPlain(decoder: ReadingDecoder, block: LogBlock, row: number): boolean {
  const { source, padded, read } = decoder;
  const { bytes } = block;
  let start = block.start[row]!;
  let end = block.end[row]!;
  if (source.bytes !== bytes) {
    decoder.source = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  }
  decoder.view = decoder.source.view;
  if (end + paddingBytes > bytes.length) {
    if (end - start > eventBytesMax) return false;
    new Uint8Array(padded.buffer).set(bytes.subarray(start, end));
    decoder.view = padded;
    end -= start;
    start = 0;
  }
  const reading = read(decoder.view, start, end);
  if (reading === readings.canonical || reading === readings.unsure) return reading === readings.canonical;
  const length = decoder.writeCanonical(decoder.view, decoder.ordered);
  decoder.view = decoder.ordered;
  return read(decoder.ordered, 0, length) === readings.canonical;
}

/** Between `line` and `plant`, and between `sensor` and `unit`, canonical text has what names a sensor and nothing else. */
function nameOfRead(decoder: ReadingDecoder): SensorName | null {
  const { names, spans, leaves, view } = decoder;
  const { starts, ends } = spans;
  const start = starts[leaves.line]!;
  const end = ends[leaves.plant]!;
  const nextStart = starts[leaves.sensor]!;
  const nextEnd = ends[leaves.unit]!;
  const found = findName(names, view, start, end, nextStart, nextEnd);
  if (found !== null) return found;
  const text = (leaf: number): string => asciiOf(view, starts[leaf]!, ends[leaf]!);
  const { tenantId, plant, line, machine, sensor, metric, unit } = leaves;
  const texts = {
    tenantId: text(tenantId),
    plant: text(plant),
    line: text(line),
    machine: text(machine),
    sensor: text(sensor),
    metric: text(metric),
    unit: text(unit),
  };
  return resolveName(names, texts, { view, places: [start, end, nextStart, nextEnd] });
}

const ascii = new TextDecoder();

function asciiOf(view: DataView, start: number, end: number): string {
  return ascii.decode(new Uint8Array(view.buffer, view.byteOffset + start, end - start));
}

function writeRead(decoder: ReadingDecoder, columns: ReadingColumns, row: number, name: SensorName): void {
  const { spans, leaves, view } = decoder;
  const { starts, ends, numbers, choices } = spans;
  const idStart = starts[leaves.readingId]!;
  const idEnd = ends[leaves.readingId]!;
  columns.eventTimeMs[row] = numbers[leaves.eventTimeMs]!;
  columns.idHash[row] = hashBytes(view, idStart, idEnd, idSeed);
  const { text, counts } = columns;
  let at = counts[1]!;
  columns.idStart[row] = at;
  for (let index = idStart; index < idEnd; index++) text[at++] = view.getUint8(index);
  columns.idEnd[row] = at;
  counts[1] = at;
  judgeRow(columns, row, name, numbers[leaves.value]!, choices[leaves.quality]!);
}

const idSeed = 0x51ed270b;
const qualities: readonly string[] = ['GOOD', 'BAD', 'UNCERTAIN'];
const utf8 = new TextEncoder();

/** Writes a reading that the readable decoder accepted, as reading its bytes by generated code would. */
function writeArrived(decoder: ReadingDecoder, columns: ReadingColumns, row: number, reading: Reading): void {
  const name = resolveName(decoder.names, reading, null);
  if (name === null) throw new Error('got a reading of no sensor, expected one of the registry');
  const id = utf8.encode(reading.readingId);
  columns.eventTimeMs[row] = reading.eventTimeMs;
  columns.idHash[row] = hashBytes(new DataView(id.buffer, id.byteOffset, id.length), 0, id.length, idSeed);
  const at = columns.counts[1]!;
  columns.text.set(id, at);
  columns.idStart[row] = at;
  columns.idEnd[row] = at + id.length;
  columns.counts[1] = at + id.length;
  judgeRow(columns, row, name, reading.value, qualities.indexOf(reading.quality));
}

const verdictAt = {
  bad: verdicts.indexOf('bad'),
  uncertain: verdicts.indexOf('uncertain'),
  wrongUnit: verdicts.indexOf('wrongUnit'),
  outOfRange: verdicts.indexOf('outOfRange'),
  good: verdicts.indexOf('good'),
} as const;
const [badQuality, uncertainQuality] = [qualities.indexOf('BAD'), qualities.indexOf('UNCERTAIN')];
const valueBits = new DataView(new ArrayBuffer(8));

/** As `judge` does. */
function judgeRow(columns: ReadingColumns, row: number, name: SensorName, sent: number, quality: number): void {
  const { device, unitKind } = name;
  const converted = unitKind === 'same' ? sent : convert({ value: sent, from: name.unit, to: device.unit });
  const value = converted ?? sent;
  columns.sensor[row] = name.row;
  columns.value[row] = value;
  columns.isConverted[row] = unitKind !== 'same' && converted !== null ? 1 : 0;
  let verdict: number = verdictAt.good;
  if (quality === badQuality) verdict = verdictAt.bad;
  else if (quality === uncertainQuality) verdict = verdictAt.uncertain;
  else if (converted === null) verdict = verdictAt.wrongUnit;
  else if (value < device.rangeMin || value > device.rangeMax) verdict = verdictAt.outOfRange;
  columns.verdict[row] = verdict;
  valueBits.setFloat64(0, sent);
  let body = mix(mix(quality + 1, valueBits.getInt32(0)), valueBits.getInt32(4));
  for (let index = 0; index < name.unit.length; index++) body = mix(body, name.unit.charCodeAt(index));
  columns.bodyHash[row] = body;
  writeUnit(columns, row, converted === null ? name.sentUnit : name.unitText);
}

/** A unit of the registry stands once in a batch's text. */
function writeUnit(columns: ReadingColumns, row: number, unit: UnitText): void {
  if (unit.batchOffset !== columns.firstOffset[0]) {
    unit.batchOffset = columns.firstOffset[0]!;
    unit.at = columns.counts[1]!;
    columns.text.set(unit.bytes, unit.at);
    columns.counts[1] = unit.at + unit.bytes.length;
  }
  columns.unitStart[row] = unit.at;
  columns.unitEnd[row] = unit.at + unit.bytes.length;
}
