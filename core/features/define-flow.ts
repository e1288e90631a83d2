import type { Contract } from '../contract/contract.ts';
import { type FlowInput, flowInput } from './flow-input.ts';
import { type FlowSet, operatorOf, type OutputPlan, planFlow } from './flow-plan.ts';

export { joinIntervals, joinVersions } from './define-joins.ts';
export { panes } from './define-panes.ts';

/** An output of a flow, as the definition language gives it. */
export type FlowOutput = { readonly compile: (name: string) => OutputPlan };

type Contracts = Readonly<Record<string, Contract>>;
type Inputs<Given extends Contracts> = {
  readonly [Name in keyof Given]: Given[Name] extends Contract<infer Event> ? FlowInput<Event> : never;
};

/**
 * Defines a flow over the events of contracts: panes, sessions and joins, each an output with a name. Throws when a name, a
 * field, a window or a key is wrong, naming the output.
 */
export function defineFlow<const Given extends Contracts>(definition: {
  readonly name: string;
  readonly version: number;
  readonly inputs: Given;
  outputs(inputs: Inputs<Given>): Readonly<Record<string, FlowOutput>>;
}): FlowSet {
  const { name, version, inputs } = definition;
  checkName(name, 'flow');
  if (!Number.isSafeInteger(version) || version < 1) throw new Error(`got version ${version}, expected 1 or more`);
  const outputs = Object.entries(definition.outputs(inputsOf(inputs)));
  if (outputs.length === 0 || outputs.length > outputsMax) {
    throw new Error(`got ${outputs.length} outputs in ${name}, expected 1 to ${outputsMax}`);
  }
  return planFlow({
    name,
    version,
    contracts: inputs,
    outputs: outputs.map(([output, term]) => compile(output, term)),
  });
}

const outputsMax = 64;
const namePattern = /^[a-z][a-z0-9_]{0,62}$/;
const takenOutputs: ReadonlySet<string> = new Set(['late', 'dead_letters']);
const takenColumns: ReadonlySet<string> = new Set(['tenant_id', 'key', 'revision', 'is_retraction']);

function inputsOf<Given extends Contracts>(contracts: Given): Inputs<Given> {
  const inputs = Object.entries(contracts).map(([name, contract]) => [name, flowInput(contract)]);
  return Object.fromEntries(inputs) as Inputs<Given>;
}

/** Compiles an output under its name, which every failure tells. */
function compile(name: string, output: FlowOutput): OutputPlan {
  checkName(name, 'output');
  try {
    if (typeof output?.compile !== 'function') {
      throw new Error('got no finished output, expected one that ends in .of({ ... })');
    }
    const plan = output.compile(name);
    checkColumns(operatorOf(plan).columns.map((column) => column.name));
    return plan;
  } catch (error) {
    throw new Error(`output ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function checkColumns(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (!namePattern.test(name) || takenColumns.has(name)) {
      const taken = [...takenColumns].join(', ');
      throw new Error(`got the column name ${JSON.stringify(name)}, expected lower_snake_case and none of ${taken}`);
    }
    if (seen.has(name)) throw new Error(`got the column ${name} twice, expected each name once`);
    seen.add(name);
  }
}

function checkName(name: string, what: 'flow' | 'output'): void {
  if (namePattern.test(name) && !takenOutputs.has(name)) return;
  throw new Error(`got the ${what} name ${JSON.stringify(name)}, expected lower_snake_case such as card_sessions`);
}
