import { hash } from 'node:crypto';
import type { Contract } from '../contract/contract.ts';
import { fieldKinds } from '../contract/fields.ts';
import { type ContractShape, contractShape } from '../contract/shape.ts';
import type { Operator } from '../engine/operator.ts';
import { panesOf, type PanesPlan, sessionsOf, type SessionsPlan } from './pane-plan.ts';
import { intervalJoinOf, type IntervalJoinPlan, temporalJoinOf, type TemporalJoinPlan } from './join-plan.ts';

/** A compiled output: plain data. */
export type OutputPlan = PanesPlan | SessionsPlan | IntervalJoinPlan | TemporalJoinPlan;

/** A compiled flow: plain, serialisable, the same for the same definition. Every engine runs this. */
export type FlowPlan = {
  readonly name: string;
  readonly version: number;
  /**
   * `partition`: every output is keyed by the fields that partition its topics, so each partition is a flow of its own, with
   * its own watermark. `all`: state is fed by all partitions, and one owner takes them.
   */
  readonly scope: 'partition' | 'all';
  readonly inputs: readonly ContractShape[];
  readonly outputs: readonly OutputPlan[];
};

/** A flow: the plan, its stable hash and the contracts that its inputs are checked by. */
export type FlowSet = {
  readonly plan: FlowPlan;
  /** SHA-256 over the canonical plan, hexadecimal. */
  readonly hash: string;
  readonly contracts: readonly Contract[];
};

/** What an output is keyed by, topic by topic, in the same order of fields. */
export type OutputKey = { readonly topic: string; readonly topicKey: string; readonly keys: readonly string[] };

/** Makes the plan of compiled outputs. Throws when an input feeds none. */
export function planFlow(definition: {
  readonly name: string;
  readonly version: number;
  readonly contracts: Readonly<Record<string, Contract>>;
  readonly outputs: readonly OutputPlan[];
}): FlowSet {
  const { name, version, outputs } = definition;
  const contracts = Object.values(definition.contracts);
  contracts.forEach(checkIdentity);
  for (const [input, { topic }] of Object.entries(definition.contracts)) {
    if (outputs.some((output) => outputKeys(output).some((key) => key.topic === topic))) continue;
    throw new Error(`got the input ${input} (${topic}), which no output reads`);
  }
  const inputs = contracts.map(contractShape);
  const scope = outputs.every((output) => followsPartitions(output, inputs)) ? 'partition' : 'all';
  const plan: FlowPlan = { name, version, scope, inputs, outputs };
  return { plan, hash: hash('sha256', JSON.stringify(plan), 'hex'), contracts };
}

/** An event is named by tenant, key and id, which are texts, and has a time. */
function checkIdentity(contract: Contract): void {
  const kinds = fieldKinds(contract);
  const { topic, key, idField = 'eventId', eventTimeField } = contract;
  for (const [field, expected] of [
    ['tenantId', 'text'],
    [key, 'text'],
    [idField, 'text'],
    [eventTimeField, 'number'],
  ]) {
    const got = kinds.get(field ?? '');
    if (got?.kind === expected && !got?.optional) continue;
    throw new Error(`got ${got?.kind ?? 'no'} ${field} in ${topic}, expected a ${expected} in every event`);
  }
}

/** What an output is keyed by. */
export function outputKeys(output: OutputPlan): readonly OutputKey[] {
  switch (output.kind) {
    case 'intervalJoin':
      return [output.left, output.right];
    case 'temporalJoin':
      return [output.event, output.dimension];
    case 'panes':
    case 'sessions':
      return [output];
  }
}

/**
 * Is no key of an output in two partitions? So it is when the fields that partition its topics stand at the same place of
 * the key, or when those of a single topic have one that is nested in it.
 */
function followsPartitions(output: OutputPlan, inputs: readonly ContractShape[]): boolean {
  const [first, ...others] = outputKeys(output);
  const nested = inputs.find(({ topic }) => topic === first?.topic)?.nested ?? [];
  return (first?.keys ?? []).some((key, place) => {
    if (others.length === 0 && nested.includes(key)) return true;
    return key === first?.topicKey && others.every(({ keys, topicKey }) => keys[place] === topicKey);
  });
}

/** The operator of an output. Its state is what `create` makes, or a checkpoint's copy of it. */
export function operatorOf(output: OutputPlan): Operator<unknown> {
  switch (output.kind) {
    case 'intervalJoin':
      return hideState(intervalJoinOf(output));
    case 'temporalJoin':
      return hideState(temporalJoinOf(output));
    case 'panes':
      return hideState(panesOf(output));
    case 'sessions':
      return hideState(sessionsOf(output));
  }
}

/** Operators of all kinds in one list: each is given its own state only. */
function hideState<State>(operator: Operator<State>): Operator<unknown> {
  return {
    ...operator,
    take: (state, event, watermarkMs, emit) => operator.take(state as State, event, watermarkMs, emit),
    passTime: (state, watermarkMs, emit) => operator.passTime(state as State, watermarkMs, emit),
    endBatch: (state, emit) => operator.endBatch(state as State, emit),
  };
}
