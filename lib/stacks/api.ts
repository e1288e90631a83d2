import { CfnOutput, Duration, RemovalPolicy, SecretValue, Stack, type StackProps } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Alias, IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import { apiFirewall } from '../api-firewall.ts';
import type { Config } from '../config.ts';
import type { Sizes } from '../derived-sizes.ts';
import { Handler } from '../handler.ts';
import { grantTables, stateTables, tableVariables } from '../state-tables.ts';
import { networkOf } from './network.ts';
import { dataKeyOf } from './security.ts';

type ApiProps = StackProps & { readonly config: Config; readonly sizes: Sizes; readonly perSecond: number };

/** What the gateway passes on: everything that the OpenAPI document has but itself, and nothing else. */
export const apiRoutes = {
  '/v1/authorizations:score': 'POST',
  '/v1/authorizations:scoreBatch': 'POST',
  '/v1/decisions/{id}': 'GET',
  '/v1/clearings': 'POST',
  '/v1/reversals': 'POST',
  '/v1/disputes': 'POST',
  '/v1/telemetry': 'POST',
  '/v1/webhooks/{id}': 'POST',
  '/healthz': 'GET',
  '/readyz': 'GET',
} as const;

/** The name of the function that answers. */
const source = 'serve-http';
/** What a caller waits at most. The function gives up long before: at the deadline that it has. */
const timeoutSeconds = 5;
/** How far above the rate that is expected the gateway lets callers go, and for how long: a second. */
const burstFactor = 3;

/** The score API for callers outside: a gateway before a function that keeps its state in the tables. */
export class ApiStack extends Stack {
  constructor(scope: Construct, id: string, { config, sizes, perSecond, ...props }: ApiProps) {
    super(scope, id, props);
    const dataKey = dataKeyOf(this, config);
    const keys = keysOfCallers(this, config, dataKey);
    const { vpc, clients } = networkOf(this, config);
    const handler = new Handler(this, 'Api', {
      config,
      source,
      vpc,
      clients,
      dataKey,
      environment: { ...tableVariables(config), WEIR_API_KEYS_SECRET: keys.secretArn },
      memoryMb: 1769,
      timeout: Duration.seconds(timeoutSeconds),
      provisioned: sizes.apiConcurrency.value,
    });
    grantTables(this, { config, grantee: handler.function, tables: Object.values(stateTables) });
    keys.grantRead(handler.function);
    const gateway = makeGateway(this, { config, dataKey, perSecond });
    addRoutes(gateway, handler.alias);
    if (config.profile === 'prod')
      apiFirewall(this, { config, dataKey, stageArn: gateway.deploymentStage.stageArn, perSecond });
    new CfnOutput(this, 'Url', { value: gateway.url });
  }
}

/** Who may call: hashes of keys, tenants, scopes; nobody at first. People change it, and it outlives the stack. */
function keysOfCallers(stack: Stack, config: Config, encryptionKey: IKey): Secret {
  const keys = new Secret(stack, 'Callers', {
    secretName: `${config.name}/api-keys`,
    description: 'The file of keys that docs/api.md describes',
    encryptionKey,
    secretStringValue: SecretValue.unsafePlainText(JSON.stringify({ version: 1, keys: [], webhooks: [] })),
    removalPolicy: RemovalPolicy.RETAIN,
  });
  acknowledge(keys, {
    'AwsSolutions-SMG4':
      'Hashes of keys that callers hold: only they can change them, two of each being valid meanwhile.',
  });
  return keys;
}

function makeGateway(
  stack: Stack,
  { config, dataKey, perSecond }: Pick<ApiProps, 'config' | 'perSecond'> & { readonly dataKey: IKey },
): apigateway.RestApi {
  const accessLogs = new LogGroup(stack, 'AccessLogs', {
    logGroupName: `/${config.name}/api`,
    encryptionKey: dataKey,
    retention: RetentionDays.ONE_YEAR,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const gateway = new apigateway.RestApi(stack, 'Gateway', {
    restApiName: config.name,
    endpointTypes: [apigateway.EndpointType.REGIONAL],
    cloudWatchRole: true,
    deployOptions: {
      stageName: 'live',
      accessLogDestination: new apigateway.LogGroupLogDestination(accessLogs),
      accessLogFormat: apigateway.AccessLogFormat.custom(JSON.stringify(accessLogFields)),
      loggingLevel: apigateway.MethodLoggingLevel.ERROR,
      // Bodies hold card tokens.
      dataTraceEnabled: false,
      metricsEnabled: true,
      tracingEnabled: false,
      throttlingRateLimit: perSecond * burstFactor,
      throttlingBurstLimit: Math.ceil(perSecond * burstFactor),
    },
  });
  const { defaultChild } = gateway.node;
  if (!(defaultChild instanceof apigateway.CfnRestApi)) throw new Error('got a gateway without its resource');
  // The default takes TLS 1.0.
  defaultChild.securityPolicy = 'SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09';
  defaultChild.endpointAccessMode = 'STRICT';
  explain(gateway, config);
  return gateway;
}

/** Of a request without its body, its headers and its query: nothing that names a card. */
const accessLogFields = {
  requestId: '$context.requestId',
  requestTimeEpochMs: '$context.requestTimeEpoch',
  ip: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  route: '$context.resourcePath',
  status: '$context.status',
  integrationStatus: '$context.integration.status',
  latencyMs: '$context.responseLatency',
  integrationLatencyMs: '$context.integrationLatency',
  error: '$context.error.message',
};

function addRoutes(gateway: apigateway.RestApi, alias: Alias): void {
  const integration = new apigateway.LambdaIntegration(alias as IFunction, { scopePermissionToMethod: false });
  for (const [path, method] of Object.entries(apiRoutes))
    gateway.root.resourceForPath(path).addMethod(method, integration, {
      authorizationType: apigateway.AuthorizationType.NONE,
    });
}

function explain(gateway: apigateway.RestApi, { profile }: Config): void {
  const ownKeys =
    'The function checks a key of its own: its hash, tenants, scopes and rate, which no authorizer knows.';
  acknowledge(gateway, {
    'AwsSolutions-APIG2': 'The function checks bodies against the contracts, and its answer lists all that is wrong.',
    'AwsSolutions-APIG4': ownKeys,
    'AwsSolutions-COG4': ownKeys,
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]':
      'What API Gateway needs to write logs, kept by AWS.',
    'PCI.DSS.321-APIGWCacheEnabledAndEncrypted': 'An answer is of its request alone: nothing is cached.',
    'PCI.DSS.321-APIGWSSLEnabled': 'Behind it is a function, which is called by IAM and not over HTTP.',
  });
  if (profile === 'prod') return;
  const inDev = 'The firewall comes with the profile prod: it is paid by the month.';
  acknowledge(gateway, { 'AwsSolutions-APIG3': inDev, 'PCI.DSS.321-APIGWAssociatedWithWAF': inDev });
}
