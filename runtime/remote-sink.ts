import type { PartSink } from './state-part.ts';

/** What a half tells the thread that writes its parts. */
export type ToKeeper =
  | { readonly kind: 'begin'; readonly name: string; readonly extent: 'changed' | 'whole' }
  | { readonly kind: 'block'; readonly blockKind: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end' };

/** A sink in another thread, which says what it has written. */
export type RemoteSink = PartSink & {
  readonly noteWritten: (sizeBytes: number) => void;
  /** More is on its way to the disk than may be: whoever writes the state waits. */
  readonly isBehind: () => boolean;
};

/** The most that may be on its way to the disk before a half takes its next batch, in bytes. */
const behindBytesMax = 64 * 2 ** 20;

/** A sink that hands its blocks over with their memory. */
export function createRemoteSink(post: (message: ToKeeper, transferred: readonly ArrayBuffer[]) => void): RemoteSink {
  let behindBytes = 0;
  return {
    begin: ({ name, extent }) => post({ kind: 'begin', name, extent }, []),
    append: (blockKind, bytes) => {
      behindBytes += bytes.length;
      post({ kind: 'block', blockKind, bytes }, [bytes.buffer]);
    },
    end: () => post({ kind: 'end' }, []),
    noteWritten: (sizeBytes) => {
      behindBytes -= sizeBytes;
    },
    isBehind: () => behindBytes > behindBytesMax,
  };
}

/** Does in a sink what a half asks for; gives the bytes that were written. */
export function writeToSink(sink: PartSink, message: ToKeeper): number {
  switch (message.kind) {
    case 'begin':
      sink.begin(message);
      return 0;
    case 'block':
      sink.append(message.blockKind, message.bytes);
      return message.bytes.length;
    case 'end':
      sink.end();
      return 0;
  }
}
