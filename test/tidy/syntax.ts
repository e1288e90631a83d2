import { parseAst } from 'vitest/node';
import type { SourceFile } from '../../scripts/tree.ts';
import type { Finding } from './rule.ts';

/** A node of the syntax tree (ESTree with TypeScript); start and end are offsets in the text, `[start, end)`. */
export type SyntaxNode = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
};

/** A node with the field of its parent that holds it; the root has neither. */
export type Visit = { readonly node: SyntaxNode; readonly parent: SyntaxNode | null; readonly field: string };

/** Every node of a file, parents before children. Throws on a file that does not parse. */
export function visitNodes(file: SourceFile): readonly Visit[] {
  const kept = parsed.get(file);
  if (kept !== undefined) return kept;
  const root: unknown = parseAst(file.text, { lang: 'ts' });
  if (!isNode(root)) throw new Error(`got no syntax tree for ${file.path}`);
  const visits: Visit[] = [];
  collect({ node: root, parent: null, field: '' }, visits);
  parsed.set(file, visits);
  return visits;
}

/** A child node, or null when the field holds none. */
export function childOf(node: SyntaxNode | null, field: string): SyntaxNode | null {
  const value = node?.[field];
  return isNode(value) ? value : null;
}

/** The child nodes of a list field. */
export function childrenOf(node: SyntaxNode, field: string): readonly SyntaxNode[] {
  const value = node[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The name of an identifier, the value of a string; otherwise null. */
export function nameOf(node: SyntaxNode | null): string | null {
  const value = node?.type === 'Identifier' ? node['name'] : node?.type === 'Literal' ? node['value'] : null;
  return typeof value === 'string' ? value : null;
}

/** A finding at a node's first line. */
export function findingAt(file: SourceFile, node: { readonly start: number }, message: string): Finding {
  return { path: file.path, line: lineOf(file.text, node.start), message };
}

/** The line of an offset, from 1. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Comments with their marks: what looks like one outside of strings, templates and regular expressions. */
export function commentsOf(file: SourceFile): readonly { readonly start: number; readonly text: string }[] {
  let code = file.text;
  for (const { node } of visitNodes(file)) {
    if (node.type !== 'Literal' && node.type !== 'TemplateElement') continue;
    code = code.slice(0, node.start) + '_'.repeat(node.end - node.start) + code.slice(node.end);
  }
  return [...code.matchAll(/\/\/.*|\/\*[\s\S]*?\*\//g)].map((match) => ({ start: match.index, text: match[0] }));
}

const parsed = new WeakMap<SourceFile, readonly Visit[]>();

function isNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value
  );
}

function collect(visit: Visit, visits: Visit[]): void {
  visits.push(visit);
  for (const [field, value] of Object.entries(visit.node)) {
    const children = Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [];
    for (const node of children) collect({ node, parent: visit.node, field }, visits);
  }
}
