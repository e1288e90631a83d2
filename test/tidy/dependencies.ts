/** What the manifest asks for and what the tree knows about it. */
export type DependencyFacts = {
  /** Name to version range, as package.json has them. */
  readonly runtime: Readonly<Record<string, string>>;
  readonly development: Readonly<Record<string, string>>;
  /** Packages that the shipped code imports. */
  readonly imported: ReadonlySet<string>;
  /** Name to the licence in the package's own package.json, of everything that is installed for runtime. */
  readonly licences: ReadonlyMap<string, string>;
  /** The text of all architecture decision records. */
  readonly decisions: string;
};

/** Every dependency is pinned; one of the runtime is used, decided upon and, with all that it brings, freely licensed. */
export function checkDependencies(facts: DependencyFacts): readonly string[] {
  const pinned = Object.entries({ ...facts.runtime, ...facts.development })
    .filter(([, version]) => !exactVersion.test(version))
    .map(([name, version]) => `${name}: got version ${version}, expected an exact one`);
  const runtime = Object.keys(facts.runtime);
  return [
    ...pinned,
    ...runtime
      .filter((name) => !facts.imported.has(name))
      .map((name) => `${name}: imported nowhere in the shipped code`),
    ...runtime.filter((name) => !facts.licences.has(name)).map((name) => `${name}: no licence found`),
    ...runtime.filter((name) => !names(facts.decisions, name)).map((name) => `${name}: named in no docs/adr/*.md`),
    ...[...facts.licences]
      .filter(([, licence]) => !allowedLicences.has(licence))
      .map(([name, licence]) => `${name}: got licence ${licence}, expected one of ${[...allowedLicences].join(', ')}`),
  ];
}

const exactVersion = /^\d+\.\d+\.\d+(-[\w.-]+)?$/;
const allowedLicences = new Set(['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'ISC']);

/** A whole name: hyparquet-writer does not name hyparquet. */
function names(text: string, name: string): boolean {
  const escaped = name.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return new RegExp(`(^|[^\\w@/-])${escaped}($|[^\\w/-])`, 'm').test(text);
}
