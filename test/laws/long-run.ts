import { parseArgs } from 'node:util';
import { createTally, seededCase, shrink, tallyOf } from './cases.ts';
import { checkCase } from './laws.ts';

/**
 * The laws over many hostile logs: `npm run laws -- --events 200000 --seed 1`. Prints what happened in them, and for a
 * broken law the seed and the fewest records that break it.
 */
function main(): void {
  const { values } = parseArgs({
    options: { events: { type: 'string', default: '200000' }, seed: { type: 'string', default: '1' } },
  });
  const eventsMin = wholeNumber('events', values.events);
  const firstSeed = wholeNumber('seed', values.seed);
  const tally = createTally();
  let events = 0;
  let logs = 0;
  for (let seed = firstSeed; events < eventsMin; seed += 1) {
    const checking = seededCase(seed);
    const { output, problems } = checkCase(checking);
    events += checking.log.length;
    logs += 1;
    tallyOf(tally, output);
    if (problems.length > 0) {
      report(seed, problems);
      process.exitCode = 1;
      return;
    }
    if (logs % 20 === 0) process.stderr.write(`${events} of ${eventsMin} events, ${logs} logs\n`);
  }
  for (const name of [...tally.keys()].toSorted()) console.log(`${name.padEnd(40)} ${tally.get(name)}`);
  console.log(`${events} events in ${logs} logs from seed ${firstSeed}: every law holds`);
}

function report(seed: number, problems: readonly string[]): void {
  console.log(`seed ${seed} breaks a law:\n  ${problems.slice(0, 10).join('\n  ')}`);
  const small = shrink(seededCase(seed));
  console.log(`${small.log.length} records are enough:`);
  for (const { record, meaning } of small.log) {
    console.log(`  @${record.offset} ingest ${record.ingestTimeMs} ${JSON.stringify(meaning)}`);
  }
  console.log(`  ${checkCase(small).problems.slice(0, 10).join('\n  ')}`);
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`got --${name} ${text}, expected a whole number`);
}

main();
