import type { SourceFile } from '../../scripts/tree.ts';

/** A place that breaks a rule; the line counts from 1. */
export type Finding = { readonly path: string; readonly line: number; readonly message: string };

/** One rule of the house, checked a file at a time. */
export type Rule = {
  readonly name: string;
  readonly reads: (path: string) => boolean;
  readonly check: (file: SourceFile) => readonly Finding[];
};

/** Runs one rule over the files that it reads, and says how many those were. */
export function applyRule(rule: Rule, files: readonly SourceFile[]): { seen: number; findings: readonly string[] } {
  const read = files.filter((file) => rule.reads(file.path));
  const findings = read.flatMap((file) => rule.check(file));
  return { seen: read.length, findings: findings.map(({ path, line, message }) => `${path}:${line} ${message}`) };
}

/** Reads every TypeScript file. */
export function isTypeScript(path: string): boolean {
  return path.endsWith('.ts');
}

/** Reads the TypeScript files of one folder. */
export function isTypeScriptIn(folder: string): (path: string) => boolean {
  return (path) => path.startsWith(`${folder}/`) && isTypeScript(path);
}

/** The findings of a pattern, one for each line that matches it. */
export function findLines(file: SourceFile, pattern: RegExp, message: string): readonly Finding[] {
  return file.text
    .split('\n')
    .flatMap((text, index) => (pattern.test(text) ? [{ path: file.path, line: index + 1, message }] : []));
}
