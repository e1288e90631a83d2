import type { Contract } from '../contract/contract.ts';
import { fieldKinds } from '../contract/fields.ts';
import type { CompiledFields, CompiledLeaf } from './compiled-fields.ts';
import { type EventLayout, contractNumbers } from './event-columns.ts';

/** Which value of an event goes to which column. A leaf of -1 is a field that this contract does not have. */
export type ColumnBinding = {
  readonly contractNumber: number;
  readonly eventTimeLeaf: number;
  readonly tenantLeaf: number;
  readonly keyLeaf: number;
  readonly eventIdLeaf: number;
  readonly targetLeaf: number;
  /** The paths of the layout, split, and the leaf of each. */
  readonly numberPaths: readonly (readonly string[])[];
  readonly numberLeaves: Int32Array;
  readonly textPaths: readonly (readonly string[])[];
  readonly textLeaves: Int32Array;
  /** 1 where the text belongs to its tenant, 0 where all tenants share it. */
  readonly textIsOfTenant: Uint8Array;
  /** The ids of a text's choices, -1 until the first one is seen; null where a text is no choice. */
  readonly choiceIds: readonly (Int32Array | null)[];
};

/** The contract that clearings, reversals and disputes refer to, and the field that they name its event by. */
export const target = { topic: 'payments.authorization.v1', field: 'authorizationId' } as const;

/** Finds the columns of a contract's fields. Throws when the layout asks for a field as what it is not. */
export function bindColumns(input: {
  readonly contract: Contract;
  readonly fields: CompiledFields;
  readonly layout: EventLayout;
}): ColumnBinding {
  const { contract, fields, layout } = input;
  checkLayout(contract, layout);
  const leafOf = (path: string): CompiledLeaf | undefined => fields.leaves.find((leaf) => leaf.path === path);
  const required = (path: string): number => {
    const found = leafOf(path);
    if (found !== undefined) return found.leaf;
    throw new Error(`got contract ${contract.topic} without a plain field ${path}, expected one`);
  };
  const textLeaves = layout.texts.map(leafOf);
  return {
    contractNumber: contractNumberOf(contract.topic),
    eventTimeLeaf: required(contract.eventTimeField),
    tenantLeaf: required('tenantId'),
    keyLeaf: required(contract.key),
    eventIdLeaf: required('eventId'),
    targetLeaf: leafOf(target.field)?.leaf ?? -1,
    numberPaths: layout.numbers.map((path) => path.split('.')),
    numberLeaves: Int32Array.from(layout.numbers, (path) => leafOf(path)?.leaf ?? -1),
    textPaths: layout.texts.map((path) => path.split('.')),
    textLeaves: Int32Array.from(textLeaves, (leaf) => leaf?.leaf ?? -1),
    textIsOfTenant: Uint8Array.from(textLeaves, (leaf) => (isOfTenant(leaf) ? 1 : 0)),
    choiceIds: textLeaves.map(choiceIdsOf),
  };
}

/** Ids are their tenant's own, except the tenant's. */
function isOfTenant(leaf: CompiledLeaf | undefined): boolean {
  return leaf?.value.kind === 'text' && leaf.value.isToken && leaf.path !== 'tenantId';
}

function choiceIdsOf(leaf: CompiledLeaf | undefined): Int32Array | null {
  return leaf?.value.kind === 'choice' ? new Int32Array(leaf.value.choices.length).fill(-1) : null;
}

function contractNumberOf(topic: string): number {
  const found = Object.entries(contractNumbers).find(([name]) => name === topic);
  if (found === undefined) throw new Error(`got contract ${topic}, expected one of events that come in`);
  return found[1];
}

function checkLayout(contract: Contract, layout: EventLayout): void {
  const kinds = fieldKinds(contract);
  for (const path of layout.numbers) {
    if (kinds.get(path)?.kind === 'text') throw new Error(`got the text ${path} of ${contract.topic} as a number`);
  }
  for (const path of layout.texts) {
    const kind = kinds.get(path)?.kind ?? 'text';
    if (kind !== 'text') throw new Error(`got the ${kind} ${path} of ${contract.topic} as a text`);
  }
}
