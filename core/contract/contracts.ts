import { authorizationContract } from './authorization.ts';
import { clearingContract } from './clearing.ts';
import type { Contract } from './contract.ts';
import { decisionContract } from './decision.ts';
import { disputeContract } from './dispute.ts';
import { ledgerEntryContract } from './ledger-entry.ts';
import { reversalContract } from './reversal.ts';

/** The contracts of the events that come in, by topic. */
export const inputContracts: ReadonlyMap<string, Contract> = byTopic([
  authorizationContract,
  clearingContract,
  reversalContract,
  disputeContract,
]);

/** Every contract by topic: what comes in, then what goes out. */
export const contracts: ReadonlyMap<string, Contract> = byTopic([
  ...inputContracts.values(),
  decisionContract,
  ledgerEntryContract,
]);

function byTopic(list: readonly Contract[]): ReadonlyMap<string, Contract> {
  return new Map(list.map((contract) => [contract.topic, contract]));
}
