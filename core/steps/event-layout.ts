import { inputContracts } from '../contract/contracts.ts';
import { fieldKinds } from '../contract/fields.ts';
import type { RuleSet } from '../contract/rule-set.ts';
import type { EventLayout } from '../decode/event-columns.ts';
import { fieldsOfPlan } from '../features/columnar-layout.ts';
import type { Plan } from '../features/plan.ts';
import { fieldsOfRules } from '../score/columnar-rules.ts';
import { ledgerLayout } from '../sinks/columnar-ledger-state.ts';

/** The fields that need a column: those that the definition, the rules and the ledger read. `rules` null: none decide. */
export function eventLayoutOf(plan: Plan, rules: Pick<RuleSet, 'rules'> | null): EventLayout {
  const paths = new Set([
    ...ledgerLayout.numbers,
    ...ledgerLayout.texts,
    ...fieldsOfPlan(plan),
    ...(rules === null ? [] : fieldsOfRules(rules)),
  ]);
  const numbers: string[] = [];
  const texts: string[] = [];
  for (const path of paths) (isText(path) ? texts : numbers).push(path);
  return { numbers, texts };
}

/** Contracts that have a field of the same path agree on its kind. Throws when none has it. */
function isText(path: string): boolean {
  for (const contract of inputContracts.values()) {
    const kind = fieldKinds(contract).get(path)?.kind;
    if (kind !== undefined) return kind === 'text';
  }
  throw new Error(`got the field ${path}, expected one of a contract that comes in`);
}
