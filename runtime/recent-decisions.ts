/** The last decisions by their ids, as callers get them. */
export type RecentDecisions = {
  readonly add: (decision: KeptDecision) => void;
  readonly find: (decisionId: string) => KeptDecision | null;
};

/** A decision as JSON, and whose it is. */
export type KeptDecision = { readonly decisionId: string; readonly tenantId: string; readonly text: string };

type Place = { readonly slab: Buffer; readonly start: number; readonly end: number; readonly tenantId: string };

const slabBytes = 1 << 20;
/** UTF-8 takes at most so many bytes of a UTF-16 unit. */
const bytesOfUnitMax = 3;

/** Holds the last `countMax` decisions in buffers outside of the collector's reach: millions of objects would be its work. */
export function createRecentDecisions(countMax: number): RecentDecisions {
  const places = new Map<string, Place>();
  let slab = Buffer.allocUnsafeSlow(slabBytes);
  let used = 0;
  const write = (text: string): Pick<Place, 'slab' | 'start' | 'end'> => {
    const bytesMax = text.length * bytesOfUnitMax;
    if (used + bytesMax > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytesMax));
      used = 0;
    }
    const start = used;
    used += slab.write(text, used);
    return { slab, start, end: used };
  };
  return {
    add: ({ decisionId, tenantId, text }) => {
      places.set(decisionId, { ...write(text), tenantId });
      if (places.size <= countMax) return;
      for (const oldest of places.keys()) {
        places.delete(oldest);
        return;
      }
    },
    find: (decisionId) => {
      const place = places.get(decisionId);
      if (place === undefined) return null;
      const { slab: of, start, end, tenantId } = place;
      return { decisionId, tenantId, text: of.toString('utf8', start, end) };
    },
  };
}
