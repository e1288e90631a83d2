/**
 * Ends the process with a code when it has nothing more to do, at the latest after a time: a connection that a library has
 * left open behind a fault would keep it alive for as long as the other side does.
 */
export function endWithin(exitCode: number, limitMs: number): void {
  process.exitCode = exitCode;
  setTimeout(() => process.exit(), limitMs).unref();
}
