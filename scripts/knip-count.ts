/** A knip reporter that says how many files were analysed, so that the gate can tell an empty run from a clean one. */
export default (options: {
  readonly counters: { readonly processed: number };
  readonly write: (output: string) => void;
}): void => options.write(`Analysed ${options.counters.processed} files`);
