import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** The part of vitest's JSON report that the sum needs. */
const suiteReport = z.object({
  success: z.boolean(),
  numPassedTests: z.int().nonnegative(),
  numFailedTests: z.int().nonnegative(),
  numPendingTests: z.int().nonnegative(),
  numTodoTests: z.int().nonnegative(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
});

type SuiteReport = z.infer<typeof suiteReport>;

/** Tests by outcome over one or more suites. */
export type Totals = { readonly passed: number; readonly failed: number; readonly skipped: number };

/** Adds up suites; null is a suite that left no report, which counts as one failure. */
export function sumSuites(reports: readonly unknown[]): Totals {
  const suites = reports.map((report) => (report === null ? noReport : countSuite(suiteReport.parse(report))));
  return suites.reduce(
    (sum, suite) => ({
      passed: sum.passed + suite.passed,
      failed: sum.failed + suite.failed,
      skipped: sum.skipped + suite.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

/** The one line that a build ends with, such as `12 passed, 0 failed`. */
export function totalsLine(totals: Totals): string {
  const skipped = totals.skipped === 0 ? '' : `, ${totals.skipped} skipped`;
  return `${totals.passed} passed, ${totals.failed} failed${skipped}`;
}

const noReport: Totals = { passed: 0, failed: 1, skipped: 0 };

/** A file that failed to load has no tests of its own, and a suite may fail outside its tests: both count as a failure. */
function countSuite(report: SuiteReport): Totals {
  const unloaded = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  const failed = report.numFailedTests + unloaded.length;
  return {
    passed: report.numPassedTests,
    failed: report.success ? failed : Math.max(1, failed),
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function main(paths: readonly string[]): void {
  const totals = sumSuites(
    paths.map((path): unknown => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null)),
  );
  console.log(totalsLine(totals));
  if (totals.failed > 0 || totals.passed === 0) process.exitCode = 1;
}

if (import.meta.main) main(process.argv.slice(2));
