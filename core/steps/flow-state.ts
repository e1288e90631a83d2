import type { Contract } from '../contract/contract.ts';
import { type AdmissionState, createAdmissionState } from '../engine/admission.ts';
import { createIdleness, type Idleness } from '../engine/idleness.ts';
import { keyGroupOf } from '../engine/key-group.ts';
import type { FlowEvent, Operator } from '../engine/operator.ts';
import { createWatermarks, type Watermarks } from '../engine/watermark.ts';
import { readField } from '../features/expression.ts';
import { type FlowPlan, type FlowSet, operatorOf, outputKeys, type OutputPlan } from '../features/flow-plan.ts';

/** What runs: everything that follows from the definition and the configuration. */
export type Flow = {
  readonly plan: FlowPlan;
  readonly hash: string;
  readonly contracts: ReadonlyMap<string, Contract>;
  readonly operators: readonly GroupedOperator[];
  /** A sorted file is one input with one watermark; otherwise each topic has its own. */
  readonly watermarkPer: 'input' | 'topic';
  /** Of the source: once all have ended, so has the flow. */
  readonly partitions: number;
};

/** An operator, and the key group of each of its events. */
export type GroupedOperator = { readonly operator: Operator<unknown>; readonly groupOf: (event: FlowEvent) => number };

/**
 * Everything that a flow remembers: a function of its partitions' logs. Plain data: a checkpoint holds it. Where outputs
 * follow the partitions each has a section of its own, so that it does not matter who owns which; otherwise there is one.
 */
export type FlowState = { readonly sections: Map<number, FlowSection>; readonly endedPartitions: Set<number> };

/** Watermarks, ids and the operators' states, cut by key group: a group is handed over whole. */
export type FlowSection = {
  readonly watermarks: Watermarks;
  readonly idleness: Idleness;
  readonly admission: AdmissionState;
  /** A state for each operator, in the order of the outputs, by key group. */
  readonly groups: Map<number, unknown[]>;
};

/** Makes what runs of a definition. */
export function createFlow(
  { plan, hash, contracts }: FlowSet,
  { watermarkPer, partitions }: Pick<Flow, 'watermarkPer' | 'partitions'>,
): Flow {
  const operators = plan.outputs.map((output) => ({
    operator: operatorOf(output),
    groupOf: plan.scope === 'partition' ? groupOfTopicKey : groupOfOutputKey(output),
  }));
  const byTopic = new Map(contracts.map((contract) => [contract.topic, contract]));
  return { plan, hash, contracts: byTopic, operators, watermarkPer, partitions };
}

/** The state before the first record. */
export function createFlowState(): FlowState {
  return { sections: new Map(), endedPartitions: new Set() };
}

/** The section that a partition's records go to, made with the first of them. */
export function sectionOf({ plan }: Flow, { sections }: FlowState, partition: number): FlowSection {
  const name = plan.scope === 'partition' ? partition : 0;
  const known = sections.get(name);
  if (known !== undefined) return known;
  const section: FlowSection = {
    watermarks: createWatermarks(),
    idleness: createIdleness(),
    admission: createAdmissionState(),
    groups: new Map(),
  };
  sections.set(name, section);
  return section;
}

/** The states of a key group, made with its first event. */
export function groupStates({ operators }: Flow, { groups }: FlowSection, group: number): unknown[] {
  const known = groups.get(group);
  if (known !== undefined) return known;
  const states = operators.map(({ operator }) => operator.create());
  groups.set(group, states);
  return states;
}

function groupOfTopicKey({ tenantId, topicKey }: FlowEvent): number {
  return keyGroupOf({ tenantId, key: topicKey });
}

function groupOfOutputKey(output: OutputPlan): GroupedOperator['groupOf'] {
  const readers = new Map(outputKeys(output).map(({ topic, keys }) => [topic, keys.map(readField)]));
  return ({ topic, tenantId, event }) => {
    const values = (readers.get(topic) ?? []).map((read) => read(event));
    return keyGroupOf({ tenantId, key: JSON.stringify(values) });
  };
}
