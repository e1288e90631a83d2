import { fileSizeRule, deployableSizeRule, functionSizeRule } from './sizes.ts';
import { erasableRule, escapeRule } from './escapes.ts';
import { everyTestRunsRule, sleepRule, unfinishedRule } from './discipline.ts';
import { fileNameRule, timeNameRule } from './names.ts';
import { importRule } from './imports.ts';
import { innerPathRule, machinePathRule } from './paths.ts';
import { purityRule } from './purity.ts';
import type { Rule } from './rule.ts';

/** All rules of the house that a machine can check, each of them a file at a time. */
export const rules: readonly Rule[] = [
  importRule,
  purityRule,
  fileSizeRule,
  functionSizeRule,
  deployableSizeRule,
  fileNameRule,
  timeNameRule,
  escapeRule,
  erasableRule,
  unfinishedRule,
  everyTestRunsRule,
  sleepRule,
  machinePathRule,
  innerPathRule,
];
