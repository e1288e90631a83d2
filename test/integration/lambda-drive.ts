import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createKeyedStore } from '../../adapters/dynamodb/keyed-store.ts';
import type { RequestCounts } from '../../adapters/dynamodb/requests.ts';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import type { KeyedRuntime } from '../../runtime/keyed-batch.ts';
import type { LambdaBatch } from '../../runtime/lambda-events.ts';
import { takeBatches } from '../../runtime/lambda-score.ts';
import { chance, openStream, type RandomStream, wholeBelow } from '../../simulate/random.ts';
import { type FaultPlan, faultyClient, type Injected, Killed, noFaults } from './lambda-faults.ts';
import type { SourceLog } from './lambda-source.ts';

export type Drive = {
  readonly runtime: Omit<KeyedRuntime, 'port'>;
  readonly tables: TableNames;
  readonly batchesOf: (payload: unknown) => LambdaBatch[];
  readonly seed: number;
  /** Records of one invocation at most. */
  readonly recordsMax: number;
  /** By how much of what the invocations suffer; 0 for none. */
  readonly faultShare: number;
  readonly injected: Injected;
  readonly counts: RequestCounts;
};

type Invocation = 'plain' | 'killed' | 'zombie' | 'redelivered';

/**
 * Invokes a function over a shard as an event source mapping does: one batch at a time, from where the answer of the one
 * before says, again after a kill, in batches of any size.
 */
export async function driveSource(drive: Drive, source: SourceLog): Promise<void> {
  const random = openStream({ seed: drive.seed, name: 'drive' });
  const shared = { requestHandler: new DynamoDBClient({}).config.requestHandler };
  let next = 0;
  let requestsOfLast = 20;
  while (next < source.records.length) {
    const kind = kindOf(random, drive.faultShare);
    note(drive.injected, kind);
    const from = kind === 'redelivered' ? Math.max(0, next - wholeBelow(random, drive.recordsMax)) : next;
    const part = source.records.slice(from, from + 1 + wholeBelow(random, drive.recordsMax));
    const plan = { ...planOf(random, drive.faultShare), seed: wholeBelow(random, 2 ** 31) };
    const invoke = async (changes: Partial<FaultPlan>): Promise<number | null> => {
      const { client, requests } = faultyClient({ ...plan, ...changes }, drive.injected, shared);
      try {
        return from + (await invokeOnce(drive, { source, part, client }));
      } catch (error) {
        if (error instanceof Killed) return null;
        throw error;
      } finally {
        requestsOfLast = requests();
      }
    };
    const request = 1 + wholeBelow(random, requestsOfLast);
    const reached = await invokeAs(kind, { random, request, invoke });
    // A batch that came again from further back ends where it ends: what is committed is never taken back.
    if (reached !== null) next = Math.max(next, reached);
  }
}

async function invokeAs(
  kind: Invocation,
  asked: {
    readonly random: RandomStream;
    readonly request: number;
    readonly invoke: (changes: Partial<FaultPlan>) => Promise<number | null>;
  },
): Promise<number | null> {
  const { random, request, invoke } = asked;
  if (kind === 'killed') return invoke({ kill: { request, when: chance(random, 0.5) ? 'before' : 'after' } });
  if (kind !== 'zombie') return invoke({});
  const opened = Promise.withResolvers<void>();
  const frozen = Promise.withResolvers<void>();
  const gate = async (): Promise<void> => {
    frozen.resolve();
    await opened.promise;
  };
  const zombie = invoke({ freeze: { request, gate } });
  await Promise.race([zombie, frozen.promise]);
  const reached = await invoke({});
  opened.resolve();
  await zombie;
  return reached;
}

/** One invocation; how many records of its batch are done. */
async function invokeOnce(
  drive: Drive,
  invocation: { readonly source: SourceLog; readonly part: readonly unknown[]; readonly client: DynamoDBClient },
): Promise<number> {
  const { source, part, client } = invocation;
  const port = createKeyedStore({ client, tables: drive.tables, counts: drive.counts, limits });
  const { response, errors } = await takeBatches({ ...drive.runtime, port }, drive.batchesOf(source.payloadOf(part)));
  for (const error of errors) note(drive.injected, `answered ${codeOf(error)}`);
  const [failure] = response.batchItemFailures;
  if (failure === undefined) return part.length;
  const { itemIdentifier } = failure;
  const name = typeof itemIdentifier === 'string' ? itemIdentifier : JSON.stringify(itemIdentifier);
  const at = part.findIndex((record) => source.identifierOf(record) === name);
  if (at < 0) throw new Error(`got failure of ${name}, expected a record of the batch`);
  return at;
}

/** Few attempts, so that some requests fail for good. */
const limits = { attemptsMax: 3, backoffMs: 1, backoffMsMax: 4 };

function kindOf(random: RandomStream, share: number): Invocation {
  if (!chance(random, share)) return 'plain';
  const kinds = ['killed', 'killed', 'zombie', 'redelivered'] as const;
  return kinds[wholeBelow(random, kinds.length)] ?? 'plain';
}

function planOf(random: RandomStream, share: number): FaultPlan {
  if (!chance(random, share)) return noFaults;
  return { ...noFaults, throttleRate: 0.05, lostReplyRate: 0.05, unprocessedRate: 0.5 };
}

function note(injected: Injected, name: string): void {
  injected.set(name, (injected.get(name) ?? 0) + 1);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
