/** Bytes that grow at their end; `bytes` is longer than what is in use, which ends at `length`. */
export type ByteList = { bytes: Uint8Array; length: number };

/** An empty list with room for some bytes. */
export function createByteList(capacityBytes = 1024): ByteList {
  return { bytes: new Uint8Array(capacityBytes), length: 0 };
}

/** The bytes in use, without a copy: valid until the list grows or is emptied. */
export function usedBytes({ bytes, length }: ByteList): Uint8Array {
  return bytes.subarray(0, length);
}

/** Makes room for some more bytes. */
export function reserveBytes(list: ByteList, moreBytes: number): void {
  const needed = list.length + moreBytes;
  if (needed <= list.bytes.length) return;
  const grown = new Uint8Array(Math.max(needed, list.bytes.length * 2));
  grown.set(usedBytes(list));
  list.bytes = grown;
}

const shortBytes = 48;

/** Appends `bytes[start, end)`. Short texts are copied in a loop: a view of each would cost more than its bytes. */
export function appendBytes(list: ByteList, bytes: Uint8Array, start = 0, end = bytes.length): void {
  const sizeBytes = end - start;
  reserveBytes(list, sizeBytes);
  if (sizeBytes > shortBytes) list.bytes.set(bytes.subarray(start, end), list.length);
  else
    for (let i = 0, target = list.bytes, at = list.length; i < sizeBytes; i++) target[at + i] = bytes[start + i] ?? 0;
  list.length += sizeBytes;
}

/** Appends an integer of 0 or more as an unsigned LEB128 number. */
export function appendVarint(list: ByteList, value: number): void {
  reserveBytes(list, 10);
  let rest = value;
  while (rest >= 128) {
    list.bytes[list.length++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  list.bytes[list.length++] = rest;
}

/** Appends a safe integer as a zigzag number: small in size whatever its sign. */
export function appendZigzag(list: ByteList, value: number): void {
  const magnitude = value < 0 ? -value - 1 : value;
  // Twice the magnitude may be beyond the safe integers, so its lowest digit goes first.
  const low = (magnitude % 64) * 2 + (value < 0 ? 1 : 0);
  const rest = Math.floor(magnitude / 64);
  if (rest === 0) return appendVarint(list, low);
  reserveBytes(list, 1);
  list.bytes[list.length++] = low + 128;
  appendVarint(list, rest);
}

/** Appends an unsigned number of four bytes, the lowest first. */
export function appendUint32(list: ByteList, value: number): void {
  reserveBytes(list, 4);
  writeUint32(list.bytes, list.length, value);
  list.length += 4;
}

/** Writes an unsigned number of four bytes at a place, the lowest first. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 255;
  bytes[at + 1] = (value >>> 8) & 255;
  bytes[at + 2] = (value >>> 16) & 255;
  bytes[at + 3] = value >>> 24;
}
