import {
  BatchGetItemCommand,
  type BatchGetItemCommandInput,
  DynamoDBClient,
  type ServiceInputTypes,
} from '@aws-sdk/client-dynamodb';
import { chance, openStream, type RandomStream, wholeBelow } from '../../simulate/random.ts';

/** The end of an invocation in the middle of its work, as a kill ends it: nothing that it would do later happens. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** How often the requests of an invocation fail, and where it ends. */
export type FaultPlan = {
  readonly seed: number;
  readonly throttleRate: number;
  readonly lostReplyRate: number;
  readonly unprocessedRate: number;
  /** The invocation is killed at its request of this number, from 1, before it is sent or after it was answered. */
  readonly kill?: { readonly request: number; readonly when: 'before' | 'after' } | undefined;
  /** Its request of this number waits until the gate opens: a process that was frozen. */
  readonly freeze?: { readonly request: number; readonly gate: () => Promise<void> } | undefined;
};

export const noFaults: FaultPlan = { seed: 1, throttleRate: 0, lostReplyRate: 0, unprocessedRate: 0 };

/** What was injected, by name, and the requests. */
export type Injected = Map<string, number>;

/** A client of its own for one invocation, whose requests meet the faults of a plan. */
export function faultyClient(
  plan: FaultPlan,
  injected: Injected,
  shared: NonNullable<ConstructorParameters<typeof DynamoDBClient>[0]>,
): { readonly client: DynamoDBClient; readonly requests: () => number } {
  const client = new DynamoDBClient({ ...shared, maxAttempts: 1 });
  const random = openStream({ seed: plan.seed, name: 'faults' });
  let requests = 0;
  let isKilled = false;
  const note = (name: string): void => void injected.set(name, (injected.get(name) ?? 0) + 1);
  const kill = (): never => {
    if (!isKilled) note('kill');
    isKilled = true;
    throw new Killed('killed');
  };
  client.middlewareStack.add(
    (next, context) => async (args) => {
      requests += 1;
      const number = requests;
      note('requests');
      if (isKilled) kill();
      if (plan.freeze?.request === number) {
        note('freeze');
        await plan.freeze.gate();
      }
      if (plan.kill?.request === number && plan.kill.when === 'before') kill();
      const fate = fateOf(plan, random, String(context['commandName']));
      if (fate !== 'none') note(fate);
      if (fate === 'throttle') throw named('ProvisionedThroughputExceededException');
      const cut = fate === 'unprocessed' ? cutKeys(args.input, random) : null;
      const result = await next(cut === null ? args : { ...args, input: cut.input });
      if (isKilled || (plan.kill?.request === number && plan.kill.when === 'after')) kill();
      if (fate === 'lostReply') throw named('TimeoutError');
      if (cut !== null) Object.assign(result.output, { UnprocessedKeys: cut.unprocessed });
      return result;
    },
    { step: 'initialize', name: 'faults' },
  );
  return { client, requests: () => requests };
}

type Fate = 'none' | 'throttle' | 'lostReply' | 'unprocessed';

function fateOf(plan: FaultPlan, random: RandomStream, command: string): Fate {
  if (chance(random, plan.throttleRate)) return 'throttle';
  if (chance(random, plan.lostReplyRate)) return 'lostReply';
  const isBatch = command === BatchGetItemCommand.name;
  return isBatch && chance(random, plan.unprocessedRate) ? 'unprocessed' : 'none';
}

/** Leaves some of the keys of a batch out, as a server does that has done enough. */
function cutKeys(
  input: ServiceInputTypes,
  random: RandomStream,
): { readonly input: ServiceInputTypes; readonly unprocessed: unknown } | null {
  if (!isBatchGet(input)) return null;
  const [entry] = Object.entries(input.RequestItems ?? {});
  if (entry === undefined) return null;
  const [table, { Keys = [], ...others }] = entry;
  if (Keys.length < 2) return null;
  const at = 1 + wholeBelow(random, Keys.length - 1);
  const left = { [table]: { ...others, Keys: Keys.slice(0, at) } };
  return { input: { ...input, RequestItems: left }, unprocessed: { [table]: { ...others, Keys: Keys.slice(at) } } };
}

function isBatchGet(input: ServiceInputTypes): input is BatchGetItemCommandInput {
  if (!('RequestItems' in input)) return false;
  return Object.values(input.RequestItems ?? {}).every((request) => 'Keys' in request);
}

function named(name: string): Error {
  return Object.assign(new Error(`injected ${name}`), { name });
}
