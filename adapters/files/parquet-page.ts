import { constants, zstdCompressSync } from 'node:zlib';
import { appendBytes, type ByteList, usedBytes } from './parquet-bytes.ts';
import { appendThrift, i32, struct, type ThriftValue } from './parquet-thrift.ts';

/** Numbers of Parquet's format, see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift */
export const encodings = { plain: 0, rle: 3, deltaPacked: 5, deltaLength: 6, dictionary: 8 } as const;
const codecs = { uncompressed: 0, zstd: 6 } as const;

/** The values of a column in one row group, encoded but not compressed. The bytes are only valid for the moment. */
export type ColumnPages = {
  readonly dictionary: { readonly bytes: Uint8Array; readonly count: number } | null;
  /** Definition levels and values, as a data page has them. */
  readonly data: Uint8Array;
  readonly encoding: number;
  readonly valueCount: number;
  readonly nullCount: number;
  /** Least and greatest value where readers may prune by them. */
  readonly bounds: { readonly least: Uint8Array; readonly greatest: Uint8Array } | null;
};

/** A column in one row group as it stands in a file: what the footer says of it. Offsets are of the file. */
export type ColumnChunk = Omit<ColumnPages, 'dictionary' | 'data'> & {
  readonly codec: number;
  readonly startOffset: number;
  readonly dataOffset: number;
  readonly hasDictionary: boolean;
  readonly sizeBytes: number;
  readonly rawSizeBytes: number;
};

/** Appends the pages of a column to `list`, whose byte 0 is the file's byte `fileOffset`. */
export function appendPages(list: ByteList, fileOffset: number, pages: ColumnPages): ColumnChunk {
  const { dictionary, data, ...facts } = pages;
  const packed = compressPages(pages);
  const startOffset = fileOffset + list.length;
  let rawSizeBytes = 0;
  if (dictionary !== null) {
    const header = struct([1, i32(dictionary.count)], [2, i32(encodings.plain)]);
    rawSizeBytes += appendPage(list, { raw: dictionary.bytes, stored: packed?.dictionary, type: 2, field: 7, header });
  }
  const dataOffset = fileOffset + list.length;
  const header = struct(
    [1, i32(pages.valueCount)],
    [2, i32(pages.encoding)],
    [3, i32(encodings.rle)],
    [4, i32(encodings.rle)],
  );
  rawSizeBytes += appendPage(list, { raw: data, stored: packed?.data, type: 0, field: 5, header });
  const sizeBytes = fileOffset + list.length - startOffset;
  const codec = packed === null ? codecs.uncompressed : codecs.zstd;
  const hasDictionary = dictionary !== null;
  return { ...facts, codec, startOffset, dataOffset, hasDictionary, sizeBytes, rawSizeBytes };
}

type Page = {
  readonly raw: Uint8Array;
  readonly stored: Uint8Array | undefined;
  readonly type: number;
  readonly field: number;
  readonly header: ThriftValue;
};

/** Returns the size of the page with its header as it would be without compression. */
function appendPage(list: ByteList, { raw, stored = raw, type, field, header }: Page): number {
  const start = list.length;
  appendThrift(list, struct([1, i32(type)], [2, i32(raw.length)], [3, i32(stored.length)], [field, header]));
  const headerBytes = list.length - start;
  appendBytes(list, stored);
  return headerBytes + raw.length;
}

/** Below, a compressed page saves less than the call costs. */
const packedBytesMin = 256;
const sampleBytes = 8192;
/** Saving a fifth of the averages of amounts took a quarter of the time that all compression took. */
const worthwhileShare = 0.75;

/** Pages are compressed all or none; none when it hardly saves. */
function compressPages({ dictionary, data }: ColumnPages): { dictionary?: Uint8Array; data: Uint8Array } | null {
  const rawBytes = data.length + (dictionary?.bytes.length ?? 0);
  if (rawBytes < packedBytesMin) return null;
  const share = likelyShareOf(data);
  if (share >= worthwhileShare) return null;
  const packed = {
    data: compress(data, share),
    ...(dictionary && { dictionary: compress(dictionary.bytes, worthwhileShare) }),
  };
  const packedBytes = packed.data.length + (packed.dictionary?.length ?? 0);
  return packedBytes < rawBytes * worthwhileShare ? packed : null;
}

/** What compression leaves of a long page, judged by a piece from its middle. */
function likelyShareOf(data: Uint8Array): number {
  if (data.length < sampleBytes * 8) return 0;
  const start = (data.length - sampleBytes) >>> 1;
  return compress(data.subarray(start, start + sampleBytes), 1).length / sampleBytes;
}

/**
 * At the fastest level. What comes out is one piece where it is as short as expected: room for all that may come would be
 * most of the memory that the collector has to look after.
 */
function compress(bytes: Uint8Array, likelyShare: number): Uint8Array {
  const likelyBytes = likelyShare === 0 ? bytes.length : bytes.length * Math.min(1, likelyShare * 1.1);
  return zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    chunkSize: Math.ceil(likelyBytes) + (bytes.length >>> 8) + 1024,
    pledgedSrcSize: bytes.length,
  });
}

/** Appends a chunk again that stands in the list already. */
export function appendAgain(list: ByteList, fileOffset: number, chunk: ColumnChunk): ColumnChunk {
  const startOffset = fileOffset + list.length;
  const from = chunk.startOffset - fileOffset;
  appendBytes(list, usedBytes(list), from, from + chunk.sizeBytes);
  return { ...chunk, startOffset, dataOffset: startOffset + chunk.dataOffset - chunk.startOffset };
}
