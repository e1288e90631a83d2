import type { Contract } from '../contract/contract.ts';
import { fieldTerms, type FieldTerms } from './define.ts';

/** Where an input of a flow keeps the contract of its events. */
const contractOf = Symbol('contract');

/** An input of a flow: the fields of its events as terms. Labels are for features: a flow joins the label's own topic. */
export type FlowInput<Event> = FieldTerms<Event> & { readonly [contractOf]: Contract<Event> };

/** Makes an input of the events of a contract. */
export function flowInput<Event>(contract: Contract<Event>): FlowInput<Event> {
  return Object.assign(fieldTerms(contract), { [contractOf]: contract });
}

/** The contract of an input's events. Throws when the value is no input. */
export function contractOfInput<Event>(input: FlowInput<Event>): Contract<Event> {
  const contract: unknown = typeof input === 'object' ? Reflect.get(input, contractOf) : undefined;
  if (contract === undefined) throw new Error(`got ${typeof input}, expected an input of the flow`);
  return input[contractOf];
}
