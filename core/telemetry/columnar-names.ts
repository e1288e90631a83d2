import type { Device } from '../contract/device.ts';
import type { DeviceRegistry } from './registry.ts';
import { rowOf } from './registry.ts';
import { convert } from './units.ts';

/**
 * The texts that name a reading's sensor, as they stand in its canonical bytes, with what the registry says of them. Kept
 * are those of known sensors only: a cache, which follows from the registry alone.
 */
export type SensorNames = {
  readonly registry: DeviceRegistry;
  readonly namesMax: number;
  /** An open-addressing table of name numbers plus one; 0 is a free slot. */
  slots: Int32Array;
  count: number;
  readonly names: SensorName[];
  hashes: Int32Array;
  bytes: Uint8Array;
  view: DataView;
  usedBytes: number;
  /** The units of the registry. */
  readonly units: ReadonlyMap<string, UnitText>;
};

/** What one spelling of a sensor stands for. */
export type SensorName = {
  /** In the registry. */
  readonly row: number;
  readonly device: Device;
  /** As the reading has it. */
  readonly unit: string;
  /** What is kept where the value is in the registry's unit, and where it is not. */
  readonly unitText: UnitText;
  readonly sentUnit: UnitText;
  readonly unitKind: 'same' | 'convertible' | 'wrong';
  readonly start: number;
  readonly length: number;
};

/** A unit in bytes, and where a batch has it: the one that begins at `batchOffset`. */
export type UnitText = { readonly bytes: Uint8Array; batchOffset: number; at: number };

/** The fields of a reading that name its sensor. */
export type NameTexts = Pick<Device, 'tenantId' | 'plant' | 'line' | 'machine' | 'sensor' | 'metric' | 'unit'>;

/** No names yet. As many are kept as the registry has sensors four times over: units are what senders say. */
export function createSensorNames(registry: DeviceRegistry): SensorNames {
  const bytes = new Uint8Array(1 << 16);
  return {
    registry,
    namesMax: registry.devices.length * 4 + 1024,
    slots: new Int32Array(1 << 12),
    count: 0,
    names: [],
    hashes: new Int32Array(1 << 11),
    bytes,
    view: new DataView(bytes.buffer),
    usedBytes: 0,
    units: new Map(registry.devices.map(({ unit }) => [unit, unitTextOf(unit)])),
  };
}

/** The hash of the bytes `[start, end)`, four at a time; up to 3 more may be read but do not count. */
export function hashBytes(view: DataView, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) hash = mix(hash, view.getInt32(at, true));
  let rest = 0;
  for (; at < end; at++) rest = (rest << 8) | view.getUint8(at);
  hash = mix(hash, rest);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Mixes a word into a hash, as MurmurHash3 does (public domain, A. Appleby). */
export function mix(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51);
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** The name that stands in two spans of a view, null when it is not kept. Positional: it runs for every reading. */
export function findName(
  names: SensorNames,
  view: DataView,
  start: number,
  end: number,
  nextStart: number,
  nextEnd: number,
): SensorName | null {
  const hash = hashBytes(view, nextStart, nextEnd, hashBytes(view, start, end, 0));
  const mask = names.slots.length - 1;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const number = names.slots[slot]! - 1;
    if (number < 0) return null;
    if (names.hashes[number] !== hash) continue;
    const name = names.names[number]!;
    if (name.length !== end - start + nextEnd - nextStart) continue;
    if (!isAt(names, name.start, view, start, end)) continue;
    if (isAt(names, name.start + end - start, view, nextStart, nextEnd)) return name;
  }
}

/** What the registry says of a sensor that is not kept; null when it does not know it. Keeps it where there is room. */
export function resolveName(
  names: SensorNames,
  texts: NameTexts,
  spans: { readonly view: DataView; readonly places: readonly [number, number, number, number] } | null,
): SensorName | null {
  const row = rowOf(names.registry, texts);
  const device = names.registry.devices[row];
  if (device === undefined || device.metric !== texts.metric) return null;
  const { unit } = texts;
  const isConvertible = convert({ value: 0, from: unit, to: device.unit }) !== null;
  const otherKind = isConvertible ? 'convertible' : 'wrong';
  const unitKind = unit === device.unit ? 'same' : otherKind;
  const unitText = names.units.get(device.unit) ?? unitTextOf(device.unit);
  const sentUnit = names.units.get(unit) ?? unitTextOf(unit);
  const [start, end, nextStart, nextEnd] = spans?.places ?? [0, 0, 0, 0];
  const length = end - start + nextEnd - nextStart;
  const name: SensorName = { row, device, unit, unitText, sentUnit, unitKind, start: names.usedBytes, length };
  if (spans !== null && names.count < names.namesMax) keep(names, name, spans.view, [start, end, nextStart, nextEnd]);
  return name;
}

const utf8 = new TextEncoder();

function unitTextOf(unit: string): UnitText {
  return { bytes: utf8.encode(unit), batchOffset: -1, at: 0 };
}

function isAt(names: SensorNames, at: number, view: DataView, start: number, end: number): boolean {
  const known = names.view;
  const place = at - start;
  let index = start;
  for (; index + 4 <= end; index += 4) {
    if (known.getInt32(index + place, true) !== view.getInt32(index, true)) return false;
  }
  for (; index < end; index++) if (known.getUint8(index + place) !== view.getUint8(index)) return false;
  return true;
}

function keep(
  names: SensorNames,
  name: SensorName,
  view: DataView,
  [start, end, nextStart, nextEnd]: readonly [number, number, number, number],
): void {
  makeRoom(names, name.length);
  const hash = hashBytes(view, nextStart, nextEnd, hashBytes(view, start, end, 0));
  names.bytes.set(new Uint8Array(view.buffer, view.byteOffset + start, end - start), name.start);
  names.bytes.set(
    new Uint8Array(view.buffer, view.byteOffset + nextStart, nextEnd - nextStart),
    name.start + end - start,
  );
  names.usedBytes += name.length;
  const number = names.count++;
  names.names.push(name);
  names.hashes[number] = hash;
  enter(names.slots, hash, number);
}

/** Growing copies what is kept: it happens while sensors are met for the first time. */
function makeRoom(names: SensorNames, length: number): void {
  if (names.usedBytes + length > names.bytes.length) {
    const bytes = new Uint8Array(names.bytes.length * 2);
    bytes.set(names.bytes);
    names.bytes = bytes;
    names.view = new DataView(bytes.buffer);
  }
  if (names.count < names.hashes.length) return;
  const hashes = new Int32Array(names.hashes.length * 2);
  hashes.set(names.hashes);
  names.hashes = hashes;
  names.slots = new Int32Array(hashes.length * 2);
  for (let number = 0; number < names.count; number++) enter(names.slots, hashes[number]!, number);
}

function enter(slots: Int32Array, hash: number, number: number): void {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = number + 1;
}
