import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { realDisk } from '../adapters/files/disk.ts';
import { writeFully } from '../adapters/files/durable-file.ts';
import { withPath } from '../adapters/files/failure.ts';

/** Where generated lines go. */
type Sink = { readonly write: (bytes: Uint8Array) => Promise<void>; readonly close: () => void };

const chunkBytes = 256 * 1024;

/** Collects lines, so that a write is a large one. */
export function createChunks(sink: Sink | null) {
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  return {
    push: (line: Uint8Array): void => {
      parts.push(line);
      sizeBytes += line.length;
    },
    isFull: (): boolean => sizeBytes >= chunkBytes,
    flush: async (): Promise<void> => {
      const chunk = Buffer.concat(parts);
      parts = [];
      sizeBytes = 0;
      await sink?.write(chunk);
    },
  };
}

/** Lines for whoever reads standard output. */
export function standardOutput(): Sink {
  return {
    write: async (bytes) => {
      if (!process.stdout.write(bytes)) await once(process.stdout, 'drain');
    },
    close: () => undefined,
  };
}

/** Lines for a file, which is written anew; its folder is made where there is none. */
export function fileSink(path: string): Sink {
  const fd = withPath(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'w');
  });
  return {
    write: async (bytes) => withPath(path, () => writeFully(realDisk, fd, bytes)),
    close: () => closeSync(fd),
  };
}
