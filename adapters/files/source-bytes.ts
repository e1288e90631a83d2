import { createReadStream, statSync } from 'node:fs';
import { withPath, wrapFsError } from './failure.ts';

/** The bytes of a source, without a byte order mark at their beginning. */
export type SourceBytes = {
  /** Null where only reading tells. */
  readonly sizeBytes: number | null;
  /** Reads the beginning without using it up; stop whenever enough has come. */
  peek(): AsyncGenerator<Uint8Array>;
  chunks(): AsyncGenerator<Uint8Array>;
};

const chunkSizeBytes = 256 * 1024;

/** A file's bytes, from the beginning at every call. Throws a `WeirError` when there is no such file. */
export function openFileBytes(path: string): SourceBytes {
  const sizeBytes = withPath(path, () => statSync(path).size);
  const read = (): AsyncGenerator<Uint8Array> => withoutMark(readFile(path));
  return { sizeBytes, peek: read, chunks: read };
}

/** A stream's bytes: what has been peeked comes again, everything else comes once. */
export function openStreamBytes(stream: AsyncIterable<Uint8Array>): SourceBytes {
  const iterator = withoutMark(stream);
  const peeked: Uint8Array[] = [];
  let isRead = false;
  return {
    sizeBytes: null,
    async *peek() {
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        peeked.push(next.value);
        yield next.value;
      }
    },
    async *chunks() {
      if (isRead) throw new Error('got a second reader of a stream, expected one');
      isRead = true;
      yield* peeked.splice(0);
      yield* iterator;
    },
  };
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: chunkSizeBytes })) yield Buffer.from(chunk);
  } catch (error) {
    throw wrapFsError(error, path);
  }
}

const mark = Buffer.from([0xef, 0xbb, 0xbf]);

async function* withoutMark(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Buffer | null = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (head === null) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < mark.length) continue;
    yield head.subarray(head.indexOf(mark) === 0 ? mark.length : 0);
    head = null;
  }
  if (head !== null && head.length > 0) yield head;
}
