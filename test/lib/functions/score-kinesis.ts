/** Stands in a template for a function, so that stacks can be looked at without one. */
export const handler = async (): Promise<{ readonly batchItemFailures: readonly never[] }> => ({
  batchItemFailures: [],
});
