/**
 * Every account's normal: for each feature the mean over about its last 50 payments. Plain data, for checkpoints. An
 * account's array holds the time of its latest payment, the means, then how many payments each mean has seen (to 50).
 */
export type BaselineState = {
  readonly featureCount: number;
  /** An account whose latest payment is longer ago than this counts as unseen. */
  readonly idleMsMax: number;
  readonly allowedLatenessMs: number;
  readonly accounts: Map<string, Float64Array>;
};

export type BaselineOptions = {
  readonly featureCount: number;
  readonly allowedLatenessMs: number;
  readonly idleMsMax?: number;
};

/** After how long without a payment an account is forgotten, unless told otherwise: 90 days. */
export const baselineIdleMsMax = 90 * 86_400_000;

/** How many payments a mean remembers: later ones count as one in this many. */
export const baselinePaymentsMax = 50;

/** A state without accounts; an account is forgotten after 90 days unless told otherwise. */
export function createBaselines(options: BaselineOptions): BaselineState {
  const { featureCount, allowedLatenessMs, idleMsMax = baselineIdleMsMax } = options;
  return { featureCount, idleMsMax, allowedLatenessMs, accounts: new Map() };
}

export type BaselineRead = {
  readonly accountKey: string;
  readonly eventTimeMs: number;
  /** On the payment's arrival; null before the first event. */
  readonly watermarkMs: number | null;
};

/**
 * The account's normal before a payment, one value a feature: null where the account has none. A too-late payment reads
 * as of the oldest time that is still accepted, so that a result never depends on when accounts were evicted.
 */
export function baselineOf(state: BaselineState, read: BaselineRead): (number | null)[] {
  const { accountKey, eventTimeMs, watermarkMs } = read;
  const account = state.accounts.get(accountKey);
  const baseline: (number | null)[] = Array.from({ length: state.featureCount }, () => null);
  const readTimeMs = Math.max(eventTimeMs, (watermarkMs ?? -Infinity) - state.allowedLatenessMs);
  if (account === undefined || isIdle({ state, account, timeMs: readTimeMs })) return baseline;
  for (let feature = 0; feature < state.featureCount; feature += 1) {
    const count = account[1 + state.featureCount + feature]!;
    if (count > 0) baseline[feature] = account[1 + feature]!;
  }
  return baseline;
}

export type BaselineUpdate = {
  readonly accountKey: string;
  readonly eventTimeMs: number;
  readonly features: readonly (number | null)[];
};

/** Takes an accepted payment into its account's normal, after it was read for the payment's own decision. Null values are skipped. */
export function updateBaseline(state: BaselineState, update: BaselineUpdate): void {
  const { accountKey, eventTimeMs, features } = update;
  if (features.length !== state.featureCount) {
    throw new Error(`got ${features.length} features, expected ${state.featureCount}`);
  }
  const account = accountAt(state, update);
  account[0] = Math.max(account[0]!, eventTimeMs);
  for (let feature = 0; feature < features.length; feature += 1) {
    const value = features[feature];
    if (value === null || value === undefined) continue;
    const countAt = 1 + features.length + feature;
    const count = Math.min(account[countAt]! + 1, baselinePaymentsMax);
    account[countAt] = count;
    account[1 + feature]! += (value - account[1 + feature]!) / count;
  }
  state.accounts.set(accountKey, account);
}

/** Drops the accounts that no payment can read any more and returns how many. Takes O(accounts). */
export function evictBaselines(state: BaselineState, watermarkMs: number): number {
  let evicted = 0;
  for (const [accountKey, account] of state.accounts) {
    if (!isIdle({ state, account, timeMs: watermarkMs - state.allowedLatenessMs })) continue;
    state.accounts.delete(accountKey);
    evicted += 1;
  }
  return evicted;
}

function accountAt(state: BaselineState, { accountKey, eventTimeMs }: BaselineUpdate): Float64Array {
  const account = state.accounts.get(accountKey);
  if (account !== undefined && !isIdle({ state, account, timeMs: eventTimeMs })) return account;
  const created = new Float64Array(1 + 2 * state.featureCount);
  created[0] = eventTimeMs;
  return created;
}

type IdleQuestion = { state: BaselineState; account: Float64Array; timeMs: number };

function isIdle({ state, account, timeMs }: IdleQuestion): boolean {
  return timeMs - account[0]! > state.idleMsMax;
}
