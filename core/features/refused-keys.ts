import type { Plan } from './plan.ts';

/** By key field of a plan, the events that full keys did not take, ever. */
export function refusedByKeyOf(plan: Plan, gaps: readonly { readonly refused: number }[]): Map<string, number> {
  return new Map(plan.keys.map((path, index) => [path, gaps[index]?.refused ?? 0]));
}
