import { expect, test } from 'vitest';
import { sumSuites, totalsLine } from '../../scripts/sum-tests.ts';

const report = {
  success: true,
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [{ status: 'passed', assertionResults: [{}, {}, {}] }],
};

test('suites are added up', () => {
  const other = {
    ...report,
    success: false,
    numPassedTests: 1,
    numFailedTests: 2,
    numPendingTests: 4,
    numTodoTests: 1,
  };
  expect(sumSuites([report, other])).toEqual({ passed: 4, failed: 2, skipped: 5 });
});

test('a suite without a report is a failure', () => {
  expect(sumSuites([report, null])).toEqual({ passed: 3, failed: 1, skipped: 0 });
});

test('a file that could not be loaded is a failure', () => {
  const testResults = [...report.testResults, { status: 'failed', assertionResults: [] }];
  expect(sumSuites([{ ...report, success: false, testResults }])).toEqual({ passed: 3, failed: 1, skipped: 0 });
});

test('a suite that failed outside its tests is a failure', () => {
  expect(sumSuites([{ ...report, success: false }])).toEqual({ passed: 3, failed: 1, skipped: 0 });
});

test('a report of another shape is an error and not zero tests', () => {
  expect(() => sumSuites([{ tests: 3 }])).toThrow(/numPassedTests/);
});

test('the last line names skipped tests only when there are any', () => {
  expect(totalsLine({ passed: 4, failed: 0, skipped: 0 })).toBe('4 passed, 0 failed');
  expect(totalsLine({ passed: 4, failed: 1, skipped: 2 })).toBe('4 passed, 1 failed, 2 skipped');
});
