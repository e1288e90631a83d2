import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WeirError } from '../core/contract/failure.ts';
import type { FlowSet } from '../core/features/flow-plan.ts';
import { claimDirectory } from './claim.ts';
import type { Manifest } from './manifest.ts';

/** What an output directory of a flow was made by: `flow.json` beside the log. */
export type FlowManifest = {
  readonly flow: { readonly name: string; readonly version: number; readonly hash: string };
  readonly watermarkPer: 'input' | 'topic';
  readonly source: Manifest['source'];
};

/** Imports a flow: a module whose default export is what `defineFlow` returns. It runs as part of the program. */
export async function loadFlow(path: string): Promise<FlowSet> {
  const fail = (cause: unknown): WeirError => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new WeirError({
      code: 'DEFINITION_INVALID',
      message: `${path}: ${reason}`,
      fix: 'Compare it with examples/flows/payments.ts; weir flow check says what it makes.',
      facts: { path },
      cause,
    });
  };
  let module: unknown;
  try {
    module = await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw fail(error);
  }
  if (isFlowModule(module)) return module.default;
  throw fail(new Error('got no default export of defineFlow(...), expected one'));
}

/** Claims a directory for a flow, which is resumed with what it began with, as its state is of that. Throws as `claimDirectory`. */
export function claimFlow(dir: string, manifest: FlowManifest): void {
  claimDirectory({ dir, name: 'flow', manifest });
}

function isFlowModule(module: unknown): module is { readonly default: FlowSet } {
  if (typeof module !== 'object' || module === null || !('default' in module)) return false;
  const set = module.default;
  return typeof set === 'object' && set !== null && 'plan' in set && 'hash' in set && 'contracts' in set;
}
