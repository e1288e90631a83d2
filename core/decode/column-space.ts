/** Hands out typed arrays over one buffer, one after the other, each at a multiple of 8 bytes. */
export type ColumnSpace = {
  readonly buffer: ArrayBufferLike;
  readonly float64: (length: number) => Float64Array;
  readonly int32: (length: number) => Int32Array;
  readonly uint32: (length: number) => Uint32Array;
  readonly uint16: (length: number) => Uint16Array;
  readonly uint8: (length: number) => Uint8Array;
  /** Where the next array would begin. */
  readonly usedBytes: () => number;
};

/** Lays arrays out from the buffer's byte `startBytes` on. An array beyond the buffer's end throws a `RangeError`. */
export function createColumnSpace(buffer: ArrayBufferLike, startBytes = 0): ColumnSpace {
  let position = align(startBytes);
  const take = (sizeBytes: number): number => {
    const start = position;
    position = align(start + sizeBytes);
    return start;
  };
  return {
    buffer,
    float64: (length) => new Float64Array(buffer, take(length * 8), length),
    int32: (length) => new Int32Array(buffer, take(length * 4), length),
    uint32: (length) => new Uint32Array(buffer, take(length * 4), length),
    uint16: (length) => new Uint16Array(buffer, take(length * 2), length),
    uint8: (length) => new Uint8Array(buffer, take(length), length),
    usedBytes: () => position,
  };
}

/** The bytes that a layout takes. What it lays out has no memory and is thrown away. */
export function measureLayout(layOut: (space: ColumnSpace) => unknown): number {
  let position = 0;
  const count = (length: number, bytesOfEach: number): number => {
    position = align(position + length * bytesOfEach);
    return 0;
  };
  layOut({
    buffer: new ArrayBuffer(0),
    float64: (length) => new Float64Array(count(length, 8)),
    int32: (length) => new Int32Array(count(length, 4)),
    uint32: (length) => new Uint32Array(count(length, 4)),
    uint16: (length) => new Uint16Array(count(length, 2)),
    uint8: (length) => new Uint8Array(count(length, 1)),
    usedBytes: () => position,
  });
  return position;
}

function align(bytes: number): number {
  return (bytes + 7) & ~7;
}
