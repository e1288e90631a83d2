import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDefinition, writeDefinition } from '../runtime/lambda-definition.ts';
import { kafkaBatches } from '../runtime/lambda-events.ts';
import { takeBatches } from '../runtime/lambda-score.ts';
import { bundleFunctions } from '../scripts/bundle.ts';
import { accountPayments, writeAccountFiles } from '../simulate/account-payments.ts';
import { measureColdStarts } from './lambda-cold.ts';
import { createMemoryStore } from './lambda-memory.ts';

const batchEvents = 500;
const batches = 20;
/** Batches before those that are measured: an account has a history by then. */
const warmBatches = 40;
const eventsAKey = [1, 10, 100] as const;
const coldStarts = 7;
const topic = 'payments.authorization.v1';

/** Made in the first run: the list of benches alone needs no definition. */
let prepared: Promise<Prepared> | undefined;

type Prepared = { readonly dir: string; readonly runtime: ReturnType<typeof readDefinition> };

async function prepare(): Promise<Prepared> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-bench-lambda-'));
  const definition = join(dir, 'definition');
  await writeDefinition(writeAccountFiles(dir), definition);
  return { dir, runtime: readDefinition(definition) };
}

/** Payloads as MSK gives them: each batch of 500 has its events from `batchEvents / perKey` of 5,000 accounts. */
function payloads(perKey: number): unknown[] {
  return Array.from({ length: warmBatches + batches }, (_, batch) => {
    const keys = batchEvents / perKey;
    const records = accountPayments({ from: batch * batchEvents, count: batchEvents, accounts: 1, partitions: 1 }).map(
      ({ value }, index) => {
        const account = (batch * keys + (index % keys)) % (10 * keys);
        const text = value.replace('acc-0', `acc-${account}`).replace('card-0-', `card-${account}-`);
        const encoded = Buffer.from(text).toString('base64');
        return {
          topic,
          partition: 0,
          offset: batch * batchEvents + index,
          timestamp: 1_790_000_000_000,
          value: encoded,
        };
      },
    );
    return { records: { [`${topic}-0`]: records } };
  });
}

function variantOf(perKey: number) {
  let made: unknown[] = [];
  const units = {
    state: 0,
    ledger: 0,
    partition: 0,
    stateReads: 0,
    ledgerReads: 0,
    events: 0,
    stateBytes: 0,
    saves: 0,
  };
  return {
    name: `events an account and batch: ${perKey}`,
    units,
    run: async (): Promise<number> => {
      const { runtime } = await (prepared ??= prepare());
      if (made.length === 0) made = payloads(perKey);
      const store = createMemoryStore(units);
      const take = async (payload: unknown): Promise<void> => {
        const { response } = await takeBatches({ ...runtime, port: store.port }, kafkaBatches(payload, topic));
        if (response.batchItemFailures.length > 0) throw new Error('got a failure, expected none');
      };
      for (const payload of made.slice(0, warmBatches)) await take(payload);
      store.begin();
      for (const payload of made.slice(warmBatches)) await take(payload);
      units.events = batches * batchEvents;
      return made.length * batchEvents;
    },
  };
}

/** Its name on the command line. */
export const name = 'lambda';

/** CPU an event, in batches of 500. */
export const variants = eventsAKey.map(variantOf);

function firstPayment(): unknown {
  const [payment] = accountPayments({ from: 0, count: 1, accounts: 1, partitions: 1 });
  const value = Buffer.from(payment?.value ?? '').toString('base64');
  return { records: { [`${topic}-0`]: [{ topic, partition: 0, offset: 0, timestamp: 1_790_000_000_000, value }] } };
}

/** Units of DynamoDB an event, the sizes of bundles, cold starts. */
export async function report(): Promise<readonly string[]> {
  const { dir } = await (prepared ??= prepare());
  const lines = variants.map(({ name: of, units }) => {
    const per = (value: number): string => (value / units.events).toFixed(3);
    const writes = `writes an event: ledger ${per(units.ledger)}, state ${per(units.state)}, partition ${per(units.partition)}`;
    const reads = `reads: state ${per(units.stateReads)}, ledger ${per(units.ledgerReads)}`;
    return `${of}: ${writes}; ${reads}; state ${Math.round(units.stateBytes / units.saves)} B an account`;
  });
  const bundles = await bundleFunctions(join(dir, 'functions'), join(dir, 'definition'));
  const sizes = bundles.map((bundle) => `bundle ${bundle.name}: ${(bundle.sizeBytes / 1e6).toFixed(2)} MB`);
  const msk = bundles.find((bundle) => bundle.name === 'score-msk');
  const starts = await measureColdStarts(msk?.dir ?? '', firstPayment(), coldStarts);
  const cpus = starts.map(({ cpuMs }) => cpuMs).toSorted((left, right) => left - right);
  const told = cpus.map((cpuMs) => cpuMs.toFixed(0)).join(', ');
  return [...lines, ...sizes, `cold start of score-msk to its first decision: CPU ${told} ms`];
}
