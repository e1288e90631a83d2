/** Tells ids that were never added from those that may have been. */
export type IdFilter = {
  readonly add: (idHash: string) => void;
  /** False: certainly not added. True: added, or one of about a thousand that were not. */
  readonly mightHold: (idHash: string) => boolean;
  /** As `add` and `mightHold`, of the id whose first two words stand at `words[at]`. */
  readonly addWords: (words: Uint32Array, at: number) => void;
  readonly mightHoldWords: (words: Uint32Array, at: number) => boolean;
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
  const addHalves = (first: number, second: number): void => {
    if (idsOfLast >= idsOfBlock) {
      blocks.push(new Uint32Array(bitsOfBlock / 32));
      idsOfLast = 0;
    }
    idsOfLast++;
    const last = blocks.at(-1)!;
    for (let probe = 0; probe < probes; probe++) {
      const position = (first + Math.imul(probe, second)) >>> 9;
      last[position >>> 5]! |= 1 << (position & 31);
    }
  };
  const holdsHalves = (first: number, second: number): boolean => {
    for (const block of blocks) if (holds(block, first, second)) return true;
    return false;
  };
  return {
    add: (idHash) => addHalves(firstHalf(idHash), secondHalf(idHash)),
    mightHold: (idHash) => holdsHalves(firstHalf(idHash), secondHalf(idHash)),
    addWords: (words, at) => addHalves(words[at]! | 0, words[at + 1]! | 1),
    mightHoldWords: (words, at) => holdsHalves(words[at]! | 0, words[at + 1]! | 1),
  };
}

function holds(block: Uint32Array, first: number, second: number): boolean {
  for (let probe = 0; probe < probes; probe++) {
    const position = (first + Math.imul(probe, second)) >>> 9;
    if (((block[position >>> 5]! >>> (position & 31)) & 1) === 0) return false;
  }
  return true;
}

function firstHalf(idHash: string): number {
  return Number.parseInt(idHash.slice(0, 8), 16) | 0;
}

/** Odd, so that the probes differ. */
function secondHalf(idHash: string): number {
  return Number.parseInt(idHash.slice(8, 16), 16) | 1;
}
