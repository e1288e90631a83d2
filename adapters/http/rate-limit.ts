/** A bucket of tokens for each caller: `perSecond` come back, `burst` at most are there. */
export type RateLimit = {
  /** Takes a token; else gives the seconds until there is one. */
  readonly take: (caller: { readonly id: string; readonly perSecond: number; readonly burst: number }) => number;
};

/** Full buckets. `clockMs` is monotonic. */
export function createRateLimit(clockMs: () => number = () => performance.now()): RateLimit {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return {
    take: ({ id, perSecond, burst }) => {
      const nowMs = clockMs();
      const bucket = buckets.get(id) ?? { tokens: burst, atMs: nowMs };
      buckets.set(id, bucket);
      bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
      bucket.atMs = nowMs;
      if (bucket.tokens < 1) return (1 - bucket.tokens) / perSecond;
      bucket.tokens -= 1;
      return 0;
    },
  };
}
