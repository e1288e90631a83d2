import { authorizationContract } from './authorization.ts';
import { clearingContract } from './clearing.ts';
import type { Contract } from './contract.ts';
import { decisionContract } from './decision.ts';
import { disputeContract } from './dispute.ts';
import { ledgerEntryContract } from './ledger-entry.ts';
import { measurementContract } from './measurement.ts';
import { readingContract } from './reading.ts';
import { reversalContract } from './reversal.ts';

/** The contracts of the payment events that come in, by topic. */
export const inputContracts: ReadonlyMap<string, Contract> = byTopic([
  authorizationContract,
  clearingContract,
  reversalContract,
  disputeContract,
]);

/** Every contract by topic: payments that come in and what goes out for them, then telemetry. */
export const contracts: ReadonlyMap<string, Contract> = byTopic([
  ...inputContracts.values(),
  decisionContract,
  ledgerEntryContract,
  readingContract,
  measurementContract,
]);

function byTopic(list: readonly Contract[]): ReadonlyMap<string, Contract> {
  return new Map(list.map((contract) => [contract.topic, contract]));
}
