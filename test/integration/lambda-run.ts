import { parseArgs } from 'node:util';
import { openAws } from '../../engines/aws/endpoint.ts';
import { runLambda } from './lambda-scenario.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    accounts: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', multiple: true, default: ['kinesis', 'msk'] },
    faults: { type: 'string', default: '0.4' },
  },
});

const aws = await openAws();
try {
  for (const from of values.from) {
    if (from !== 'kinesis' && from !== 'msk') throw new Error(`got --from ${from}, expected kinesis or msk`);
    const { checks, injected, seconds } = await runLambda({
      from,
      events: Number(values.events),
      accounts: Number(values.accounts),
      recordsMax: from === 'kinesis' ? 12 : 500,
      faultShare: Number(values.faults),
      seed: Number(values.seed),
    });
    console.log(`score-${from}: ${seconds.toFixed(0)} s`);
    for (const { problems, ...compared } of checks) {
      console.log(
        `  ${JSON.stringify(compared)}: ${problems.length === 0 ? 'equal to the embedded run' : 'DIFFERENT'}`,
      );
      for (const problem of problems) console.log(`    ${problem}`);
      if (problems.length > 0) process.exitCode = 1;
    }
    console.log(
      `  ${[...injected]
        .toSorted(([left], [right]) => left.localeCompare(right))
        .map(([name, count]) => `${name} ${count}`)
        .join(', ')}`,
    );
  }
} finally {
  await aws.stop();
}
