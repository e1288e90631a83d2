/** Tells ids that were never added from those that may have been. */
export type IdFilter = {
  readonly add: (idHash: string) => void;
  /** False: certainly not added. True: added, or one of about a thousand that were not. */
  readonly mightHold: (idHash: string) => boolean;
};

const bitsOfBlock = 2 ** 23;
const idsOfBlock = bitsOfBlock / 16;
const probes = 8;

/**
 * A Bloom filter over id hashes (at least 16 hexadecimal digits) that grows by blocks of 1 MiB and half a million ids, so
 * that it never copies what it holds. Probes by double hashing (Kirsch and Mitzenmacher,
 * https://doi.org/10.1002/rsa.20208).
 */
export function createIdFilter(): IdFilter {
  const blocks: Uint32Array[] = [];
  let idsOfLast = idsOfBlock;
  return {
    add: (idHash) => {
      if (idsOfLast >= idsOfBlock) {
        blocks.push(new Uint32Array(bitsOfBlock / 32));
        idsOfLast = 0;
      }
      idsOfLast++;
      const last = blocks.at(-1);
      if (last !== undefined) forEachProbe(idHash, (word, bit) => setBit(last, { word, bit }));
    },
    mightHold: (idHash) => {
      const { first, second } = halves(idHash);
      return blocks.some((block) => holds(block, first, second));
    },
  };
}

function holds(block: Uint32Array, first: number, second: number): boolean {
  for (let probe = 0; probe < probes; probe++) {
    const position = (first + Math.imul(probe, second)) >>> 9;
    if ((((block[position >>> 5] ?? 0) >>> (position & 31)) & 1) === 0) return false;
  }
  return true;
}

function forEachProbe(idHash: string, visit: (word: number, bit: number) => void): void {
  const { first, second } = halves(idHash);
  for (let probe = 0; probe < probes; probe++) {
    const position = (first + Math.imul(probe, second)) >>> 9;
    visit(position >>> 5, position & 31);
  }
}

function setBit(block: Uint32Array, { word, bit }: { readonly word: number; readonly bit: number }): void {
  block[word] = (block[word] ?? 0) | (1 << bit);
}

/** Two 32-bit halves; the second is odd, so that the probes differ. */
function halves(idHash: string): { readonly first: number; readonly second: number } {
  return { first: Number.parseInt(idHash.slice(0, 8), 16) | 0, second: Number.parseInt(idHash.slice(8, 16), 16) | 1 };
}
