import { Command, Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { addAudit } from './commands/audit.ts';
import { addCompletion } from './commands/completion.ts';
import { addContracts } from './commands/contracts.ts';
import { addCost } from './commands/cost.ts';
import { addDemo } from './commands/demo.ts';
import { addDoctor } from './commands/doctor.ts';
import { addExplain } from './commands/explain.ts';
import { addFeatures } from './commands/features.ts';
import { addFlow } from './commands/flow.ts';
import { addGenerate } from './commands/generate.ts';
import { addLedger } from './commands/ledger.ts';
import { addPublish } from './commands/publish.ts';
import { addRedrive } from './commands/redrive.ts';
import { addReplay } from './commands/replay.ts';
import { addRun } from './commands/run.ts';
import { addServe } from './commands/serve.ts';
import { addSimulate } from './commands/simulate.ts';
import { addTelemetry } from './commands/telemetry.ts';
import { addTopics } from './commands/topics.ts';
import { tellFailure } from './failures.ts';
import type { Invocation } from './invocation.ts';
import { paint } from './terminal.ts';

/** Runs the command line and gives its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  endQuietlyWhenNobodyReads();
  const invocation: Invocation = { exitCode: 0 };
  try {
    await createProgram(invocation).parseAsync([...args], { from: 'user' });
    return invocation.exitCode;
  } catch (error) {
    const debug = args.includes('--debug') || (process.env['WEIR_DEBUG'] ?? '') !== '';
    return tellFailure(error, { asJson: args.includes('--json'), debug });
  }
}

/** The tree of commands; the one that runs leaves its exit code in the invocation. */
export function createProgram(invocation: Invocation): Command {
  const program = new Command('weir')
    .description('Scores card payments before authorization and watches plant telemetry, on one pure stream core.')
    .version(manifest.version)
    .option('--debug', 'show the stack of a failure')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ helpWidth: 80, styleTitle: (title) => paint(title, { tone: 'title', on: 'out' }) });
  program.commandsGroup('Start here:');
  addDemo(program, invocation);
  addDoctor(program, invocation);
  program.commandsGroup('Score payments:');
  addRun(program, invocation);
  addServe(program, invocation);
  addFeatures(program, invocation);
  addGenerate(program, invocation);
  addPublish(program, invocation);
  program.commandsGroup('Watch streams:');
  addFlow(program, invocation);
  addTelemetry(program, invocation);
  program.commandsGroup('Look at what a run left:');
  addExplain(program, invocation);
  addLedger(program, invocation);
  addReplay(program, invocation);
  addRedrive(program, invocation);
  program.commandsGroup('Run it on AWS:');
  addCost(program, invocation);
  addAudit(program, invocation);
  program.commandsGroup('The project:');
  addContracts(program, invocation);
  addTopics(program, invocation);
  addSimulate(program, invocation);
  addCompletion(program, invocation);
  addDebug(program);
  program.addHelpCommand(createHelpCommand());
  program.addHelpText(
    'after',
    '\nExit codes: 0 ok; 1 failed; 2 usage or configuration; 3 it ran and the answer\nis no; 130 interrupted. Data goes to standard output, all else to standard error.',
  );
  return program;
}

/** Every command takes --debug, wherever it stands; the help of the program says so once. */
function addDebug(program: Command): void {
  for (const command of program.commands) {
    command.addOption(new Option('--debug').hideHelp());
    addDebug(command);
  }
}

function createHelpCommand(): Command {
  return new Command('help').argument('[command]').description('show help of a command').helpGroup('The project:');
}

/** `weir generate ... | head` ends when head does. */
function endQuietlyWhenNobodyReads(): void {
  process.stdout.on('error', (error: Error) => {
    if ('code' in error && error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
