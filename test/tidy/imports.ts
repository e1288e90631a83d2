import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import type { SourceFile } from '../../scripts/tree.ts';
import { type Finding, type Rule, isTypeScript } from './rule.ts';
import { type SyntaxNode, childOf, childrenOf, findingAt, nameOf, visitNodes } from './syntax.ts';

/** The stages of core in data order; a stage imports itself and earlier ones. */
const stages = ['contract', 'decode', 'engine', 'features', 'score', 'sinks', 'steps', 'telemetry'] as const;

/** The flows through all stages: payments, their twins over columns and by account, flows of panes and joins, telemetry and its twin. */
const pipelines = [
  'core/pipeline.ts',
  'core/columnar-pipeline.ts',
  'core/flow-pipeline.ts',
  'core/telemetry-pipeline.ts',
  'core/columnar-telemetry-pipeline.ts',
  'core/keyed-pipeline.ts',
];

/** Who may import whom, folder by folder. A folder that the table does not know is a finding. Each is reported once a file. */
export const importRule: Rule = {
  name: 'imports follow the layers',
  reads: isTypeScript,
  check: (file) => {
    const findings = importsOf(file).flatMap((found) => checkImport(file, found));
    return [...new Map(findings.toReversed().map((finding) => [finding.message, finding])).values()].toReversed();
  },
};

/** One import, re-export or dynamic import with a constant name. */
export type Import = { readonly specifier: string; readonly node: SyntaxNode };

/** All imports of a file, type imports too. */
export function importsOf(file: SourceFile): readonly Import[] {
  return visitNodes(file).flatMap(({ node }) => {
    if (!/^(Import|Export|TSImport)/.test(node.type)) return [];
    const specifier = nameOf(childOf(node, 'source'));
    return specifier === null ? [] : [{ specifier, node }];
  });
}

/** The npm package that a bare specifier names, or null for a path or a part of Node. */
export function packageOf(specifier: string): string | null {
  if (specifier.startsWith('.') || specifier.startsWith('node:') || builtinModules.includes(specifier)) return null;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

type Layer = {
  readonly folders: readonly string[];
  readonly node: boolean;
  readonly packages: 'any' | readonly string[];
};

const anything = { node: true, packages: 'any' } as const;
const product = ['core', 'adapters', 'runtime', 'simulate'];
const layers: Readonly<Record<string, Layer>> = {
  core: { folders: ['core'], node: true, packages: ['zod'] },
  adapters: { folders: ['core', 'adapters'], ...anything },
  runtime: { folders: ['core', 'adapters', 'runtime'], ...anything },
  simulate: { folders: product, ...anything },
  bin: { folders: [...product, 'bin', 'lib', 'examples'], ...anything },
  lib: { folders: ['core', 'lib'], node: true, packages: ['aws-cdk-lib', 'constructs', 'zod'] },
  functions: { folders: ['core', 'adapters', 'runtime'], ...anything },
  examples: { folders: ['core', 'simulate', 'examples'], node: true, packages: ['zod'] },
  engines: { folders: ['core', 'engines'], ...anything },
  console: { folders: ['core', 'console'], node: false, packages: 'any' },
  scripts: { folders: ['core', 'adapters', 'runtime', 'engines', 'lib', 'scripts'], ...anything },
  bench: { folders: [...product, 'engines', 'scripts', 'bench', 'examples'], ...anything },
  test: {
    folders: [...product, 'bin', 'lib', 'functions', 'examples', 'engines', 'scripts', 'bench', 'test'],
    ...anything,
  },
};
const rootConfig: Layer = { folders: [], ...anything };

function checkImport(file: SourceFile, { specifier, node }: Import): readonly Finding[] {
  const folder = folderOf(file.path);
  const layer = folder === '' ? rootConfig : layers[folder];
  const broken = (message: string): readonly Finding[] => [findingAt(file, node, message)];
  if (layer === undefined) return broken(`no import rule knows the folder ${folder}`);
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file.path), specifier);
    const problem = checkTarget(file.path, target, layer);
    return problem === null ? [] : broken(problem);
  }
  const name = packageOf(specifier);
  if (name === null)
    return folder === 'core'
      ? checkCoreBuiltin(file, { specifier, node })
      : layer.node
        ? []
        : broken(`${folder} imports ${specifier}`);
  const allowed = layer.packages === 'any' || layer.packages.includes(name);
  if (!allowed) return broken(`${folder} imports the package ${name}`);
  return folder === 'core' && stageOf(file.path) !== 'contract' ? broken(`${name} belongs to core/contract only`) : [];
}

/** What is wrong with an import by path, or null. */
function checkTarget(path: string, target: string, layer: Layer): string | null {
  const [from, to] = [folderOf(path), folderOf(target)];
  if (target.startsWith('../')) return `${target} is outside of the repository`;
  if (to === '' || from === '') return null;
  if (!layer.folders.includes(to)) return `${from} imports ${to}`;
  if (from === 'adapters' && to === 'adapters' && stageOf(path) !== stageOf(target))
    return `an adapter imports ${target}`;
  return from === 'core' ? checkStage(path, target) : null;
}

function checkStage(path: string, target: string): string | null {
  if (pipelines.includes(path)) return null;
  const [from, to] = [rankOf(path), rankOf(target)];
  if (from === -1) return `${path} is in no stage: only the pipelines stand beside them`;
  if (to === -1) return `a stage imports ${target}`;
  return to <= from ? null : `${stageOf(path)} imports the later stage ${stageOf(target)}`;
}

/** Core takes from Node the hash functions alone. */
function checkCoreBuiltin(file: SourceFile, { specifier, node }: Import): readonly Finding[] {
  if (specifier !== 'node:crypto') return [findingAt(file, node, `core imports ${specifier}`)];
  const names = childrenOf(node, 'specifiers').map((part) => nameOf(childOf(part, 'imported')) ?? '*');
  const others = names.length === 0 ? ['*'] : names.filter((name) => !['hash', 'createHash', 'Hash'].includes(name));
  return others.map((name) => findingAt(file, node, `core imports ${name} of node:crypto, expected hash functions`));
}

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : '';
}

function stageOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function rankOf(path: string): number {
  return stages.findIndex((stage) => stage === stageOf(path));
}
