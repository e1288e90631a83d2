import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { handle } from 'hono/aws-lambda';
import { openIdempotency } from '../adapters/dynamodb/idempotency.ts';
import { serverlessVariables } from '../adapters/dynamodb/names.ts';
import { createRequestStore } from '../adapters/dynamodb/request-store.ts';
import { requestMs } from '../adapters/dynamodb/requests.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { type Callers, keysFile } from '../adapters/http/api-keys.ts';
import { createApp } from '../adapters/http/app.ts';
import type { Answer, ScoringPort } from '../adapters/http/port.ts';
import { openStream } from '../adapters/kinesis/stream.ts';
import { WeirError } from '../core/contract/failure.ts';
import { openKeyedAuthorizer } from './keyed-authorizer.ts';
import { readDefinition } from './lambda-definition.ts';
import { metricsLine } from './lambda-metrics.ts';
import { telemetryStream } from './telemetry-stream.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Handle = ReturnType<typeof handle>;

/** Beyond it the caller is told to ask again; reads and the transaction take tens of milliseconds. */
const deadlineMs = 1000;
/** After so long an attempt that came to no answer is over: above the function's own limit of 5 s. */
const inFlightMs = 6000;
const keptMs = 48 * 3_600_000;
/** Keys that were changed are known after so long. */
const keysMs = 60_000;

/** A handler of API Gateway's events, of either version; what it opens is opened once a process, keys each minute. */
export function serveHandler(environment: Environment = process.env): Handle {
  const opened = openPort(environment);
  const stream = environment[serverlessVariables.telemetryStream];
  const telemetry = stream === undefined ? null : telemetryStream(openStream(stream));
  let app: { readonly handle: Handle; readonly untilMs: number } | null = null;
  return async (event, context) => {
    if (app === null || app.untilMs < Date.now()) {
      const [port, callers] = await Promise.all([opened, readCallers(environment)]);
      const waitMs = Number(environment[serverlessVariables.deadlineMs] ?? deadlineMs);
      const taken = { port, callers, deadlineMs: waitMs, ...(telemetry === null ? {} : { telemetry }) };
      app = { handle: handle(createApp(taken).app), untilMs: Date.now() + keysMs };
    }
    return app.handle(event, context);
  };
}

async function openPort(environment: Environment): Promise<ScoringPort> {
  const { weir, by } = readDefinition(environment[serverlessVariables.definition] ?? import.meta.dirname);
  const client = new DynamoDBClient({ maxAttempts: 1, requestHandler: { requestTimeout: requestMs } });
  const tables = tableNames(environment);
  const port = createRequestStore({ client, tables });
  await port.keepReferences(by.mark, JSON.stringify(by.references));
  const clockMs = (): number => Date.now();
  const idempotency = openIdempotency({ client, table: tables.idempotency, clockMs, inFlightMs, keptMs });
  return countAnswers(openKeyedAuthorizer({ weir, by, port, idempotency, clockMs }));
}

/** Tells CloudWatch what became of each event, as the other functions do. */
function countAnswers(port: ScoringPort): ScoringPort {
  return {
    ...port,
    submit: async (event) => {
      const answer = await port.submit(event);
      process.stdout.write(`${metricsLine(new Map([[nameOf(answer), 1]]), Date.now())}\n`);
      return answer;
    },
  };
}

function nameOf(answer: Answer): string {
  if (answer.kind === 'refused') return `deadLetters.${answer.refusal.code}`;
  if (answer.kind === 'accepted') return 'accepted';
  if (answer.isRepeat) return 'duplicates';
  const [, outcome = 'unknown'] = /"outcome":"(\w+)"/.exec(answer.decision.text) ?? [];
  return `decisions.${outcome}`;
}

async function readCallers(environment: Environment): Promise<Callers> {
  const name = environment[serverlessVariables.apiKeysSecret];
  if (name === undefined) throw invalid('got no name of a secret');
  const { SecretString: text = '' } = await new SecretsManagerClient({}).send(
    new GetSecretValueCommand({ SecretId: name }),
  );
  const parsed = keysFile.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw invalid(`${name}: got another secret`);
}

function invalid(got: string): WeirError {
  return new WeirError({
    code: 'KEYS_INVALID',
    message: `${got}, expected ${serverlessVariables.apiKeysSecret} to name a secret that holds a file of keys`,
    fix: 'See docs/api.md for the file of keys.',
  });
}
