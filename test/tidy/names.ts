import type { SourceFile } from '../../scripts/tree.ts';
import { type Finding, type Rule, isTypeScriptIn } from './rule.ts';
import { type Visit, findingAt, nameOf, visitNodes } from './syntax.ts';

/** No file of core is named after nothing in particular. */
export const fileNameRule: Rule = {
  name: 'a file is named after what it exports',
  reads: (path) => path.startsWith('core/'),
  check: (file) => (emptyFileName.test(file.path) ? [{ path: file.path, line: 1, message: 'names no idea' }] : []),
};

/** A time is named eventTimeMs, ingestTimeMs or processingTimeMs. */
export const timeNameRule: Rule = {
  name: 'a time in core says which time it is',
  reads: isTypeScriptIn('core'),
  check: (file) => visitNodes(file).flatMap((visit) => checkName(file, visit)),
};

const emptyFileName = /\/(utils?|helpers?|common|shared|misc|types?|index)\.[a-z.]+$/;
const emptyTimeNames = new Set(['timestamp', 'ts', 'now']);

function checkName(file: SourceFile, visit: Visit): readonly Finding[] {
  const name = visit.node.type === 'Identifier' ? nameOf(visit.node) : null;
  if (name === null || !emptyTimeNames.has(name) || isOutsideName(visit)) return [];
  return [findingAt(file, visit.node, `${name} does not say which time it is`)];
}

/** A field that is read from a value of the outside keeps the outside's name. */
function isOutsideName({ parent, field }: Visit): boolean {
  if (parent?.type === 'MemberExpression') return field === 'property' && parent['computed'] !== true;
  return parent?.type === 'Property' && field === 'key' && parent['shorthand'] !== true;
}
