import type { SourceItem } from '../adapters/files/source.ts';
import type { Decision } from '../core/score/decision.ts';
import { demoDisturbance, disturb } from '../simulate/disturb.ts';
import type { SimulatedItem } from '../simulate/item.ts';
import { simulatePayments } from '../simulate/payments.ts';

/** How the decisions stand to what the generator knows about each payment. */
export type Verdicts = {
  payments: number;
  frauds: number;
  fraudsNotApproved: number;
  fraudsDeclined: number;
  fraudMinor: number;
  fraudNotApprovedMinor: number;
  genuineDeclined: number;
};

/** Generated payments, disturbed, and the truth about them. */
export type DemoStream = {
  readonly items: AsyncIterable<readonly SourceItem[]>;
  /** Holds a decision against the truth. */
  readonly judge: (decision: Decision) => void;
  readonly verdicts: Readonly<Verdicts>;
  /** The latest event time of the stream so far, milliseconds UTC. */
  readonly streamTimeMs: () => number;
};

type Truth = { readonly amountMinor: number; readonly isFraud: boolean };

const batchItems = 1000;

/** Opens the stream of one seed; it ends after `authorizationsMax` payments, with what was held back of them. */
export function openDemoStream(options: { readonly seed: number; readonly authorizationsMax: number }): DemoStream {
  const truths = new Map<string, Truth>();
  const verdicts: Verdicts = {
    payments: 0,
    frauds: 0,
    fraudsNotApproved: 0,
    fraudsDeclined: 0,
    fraudMinor: 0,
    fraudNotApprovedMinor: 0,
    genuineDeclined: 0,
  };
  let streamTimeMs = 0;
  const noteTruth = (item: SimulatedItem): void => {
    streamTimeMs = item.event.eventTimeMs;
    if (item.topic !== 'payments.authorization.v1') return;
    truths.set(item.event.eventId, { amountMinor: item.event.amountMinor, isFraud: item.fraud !== undefined });
  };
  const disturbed = disturb(paymentsUpTo(options, noteTruth), { ...demoDisturbance, seed: options.seed });
  return {
    items: inBatches(disturbed),
    judge: (decision) => {
      const truth = truths.get(decision.eventId);
      if (truth === undefined) return;
      truths.delete(decision.eventId);
      count(verdicts, truth, decision);
    },
    verdicts,
    streamTimeMs: () => streamTimeMs,
  };
}

/** The stream up to and with its last payment; what would follow later stays open. */
function* paymentsUpTo(
  { seed, authorizationsMax }: { readonly seed: number; readonly authorizationsMax: number },
  note: (item: SimulatedItem) => void,
): Generator<SimulatedItem> {
  let authorizations = 0;
  for (const item of simulatePayments({ seed, authorizationsMax })) {
    note(item);
    yield item;
    if (item.topic === 'payments.authorization.v1') authorizations += 1;
    if (authorizations === authorizationsMax) return;
  }
}

async function* inBatches(items: Iterable<SourceItem>): AsyncGenerator<readonly SourceItem[]> {
  let batch: SourceItem[] = [];
  for (const { topic, bytes } of items) {
    batch.push({ topic, bytes });
    if (batch.length < batchItems) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function count(verdicts: Verdicts, { amountMinor, isFraud }: Truth, { outcome }: Decision): void {
  verdicts.payments += 1;
  if (!isFraud) {
    if (outcome === 'decline') verdicts.genuineDeclined += 1;
    return;
  }
  verdicts.frauds += 1;
  verdicts.fraudMinor += amountMinor;
  if (outcome === 'approve') return;
  verdicts.fraudsNotApproved += 1;
  verdicts.fraudNotApprovedMinor += amountMinor;
  if (outcome === 'decline') verdicts.fraudsDeclined += 1;
}
