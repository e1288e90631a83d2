/** Ctrl-C as a signal for a run: the first one asks it to stop, the second one ends the process at once. */
export type Interruption = { readonly signal: AbortSignal; readonly [Symbol.dispose]: () => void };

/** Listens for SIGINT and SIGTERM until it is disposed. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
    },
  };
}
