import type { Command } from 'commander';
import { shippedFiles, type WeirFiles } from '../runtime/assemble.ts';

/** The options that choose what runs. */
export type WeirFileOptions = { readonly definition?: string; readonly rules?: string; readonly model?: string };

/** Adds the options that choose what runs. */
export function addWeirFileOptions(command: Command): Command {
  return command
    .option('--definition <file>', 'features to compute (default: those that come with Weir)')
    .option('--rules <file>', 'rules and thresholds (default: those that come with Weir)')
    .option('--model <file>', 'model to score with (default: the one that comes with Weir)');
}

/** The files that were chosen, those that come with Weir in the place of others. */
export function weirFilesOf({ definition, rules, model }: WeirFileOptions): WeirFiles {
  return {
    definition: definition ?? shippedFiles.definition,
    rules: rules ?? shippedFiles.rules,
    model: model ?? shippedFiles.model,
  };
}
