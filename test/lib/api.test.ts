import { describe, expect, test } from 'vitest';
import { openApi } from '../../adapters/http/openapi.ts';
import { readConfig } from '../../lib/config.ts';
import { deriveSizes } from '../../lib/derived-sizes.ts';
import { apiRoutes } from '../../lib/stacks/api.ts';
import { functions, ofType, spot, statementsOf, synthesize } from './synthesized.ts';

const prod = synthesize({ profile: 'prod', backbone: 'kinesis', ...functions });
const dev = synthesize({ profile: 'dev', backbone: 'kinesis', ...functions });

describe('the API', () => {
  test('passes on what its document has, but for the document itself, and webhooks', () => {
    const { paths } = openApi();
    const documented = Object.entries(Object(paths)).flatMap(([path, methods]) =>
      Object.keys(Object(methods)).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const passed = Object.entries(apiRoutes).map(([path, method]) => `${method} ${path}`);
    const own = ['GET /openapi.json', 'GET /metrics'];
    const webhooks = ['POST /v1/webhooks/{id}'];
    expect([...documented.filter((one) => !own.includes(one)), ...webhooks].toSorted()).toEqual(passed.toSorted());
    expect(ofType(prod, 'AWS::ApiGateway::Method')).toHaveLength(passed.length);
  });

  test('takes no TLS before 1.2, which the default would', () => {
    expect(ofType(prod, 'AWS::ApiGateway::RestApi')[0]?.Properties).toMatchObject({
      SecurityPolicy: 'SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09',
      EndpointAccessMode: 'STRICT',
      EndpointConfiguration: { Types: ['REGIONAL'] },
    });
  });

  test('logs who asked for what and never a body, a header or a query', () => {
    const [stage] = ofType(prod, 'AWS::ApiGateway::Stage');
    const format = String(Object(stage?.Properties['AccessLogSetting'])['Format']);
    expect(format).toContain('$context.status');
    expect(format).not.toMatch(/\$input|authorizer|\$context\.(path|authorizer|requestOverride)\b/);
    expect(stage?.Properties['MethodSettings']).toMatchObject([{ DataTraceEnabled: false, LoggingLevel: 'ERROR' }]);
  });

  test('lets through some times the rate that is expected, and an address no more than that', () => {
    const [stage] = ofType(prod, 'AWS::ApiGateway::Stage');
    expect(stage?.Properties['MethodSettings']).toMatchObject([
      { ThrottlingRateLimit: 3000, ThrottlingBurstLimit: 3000 },
    ]);
    const rules = JSON.stringify(ofType(prod, 'AWS::WAFv2::WebACL')[0]?.Properties['Rules']);
    expect(rules).toContain('"Limit":180000');
  });

  test('has a firewall in prod alone, whose log has no keys', () => {
    expect(ofType(dev, 'AWS::WAFv2::WebACL')).toEqual([]);
    expect(ofType(prod, 'AWS::WAFv2::WebACLAssociation')).toHaveLength(1);
    const [logging] = ofType(prod, 'AWS::WAFv2::LoggingConfiguration');
    expect(JSON.stringify(logging?.Properties['RedactedFields'])).toContain('authorization');
  });

  test('keeps functions warm in prod, as many as the rate takes, behind an alias', () => {
    const warm = (of: typeof prod): unknown =>
      ofType(of, 'AWS::Lambda::Alias').find(({ stack }) => stack.endsWith('-api'))?.Properties[
        'ProvisionedConcurrencyConfig'
      ];
    expect(warm(prod)).toEqual({ ProvisionedConcurrentExecutions: 29 });
    expect(warm(dev)).toBeUndefined();
    const sizes = deriveSizes(readConfig({ profile: 'prod', apiRequestsPerSecond: 1000 }));
    expect(sizes.apiConcurrency).toEqual({ value: 29, why: '1000 requests/s x 20 ms (assumed) at 70 %' });
  });

  test('may use the tables and read the secret with the keys of callers, which outlives it', () => {
    const own = statementsOf(prod).filter(({ where }) => where.startsWith('Api'));
    const actions = new Set(own.flatMap((one) => one.actions));
    expect(actions).toContain('dynamodb:PutItem');
    expect(actions).toContain('secretsmanager:GetSecretValue');
    expect([...actions].filter((action) => action.startsWith('kinesis:'))).toEqual([]);
    expect(ofType(prod, 'AWS::SecretsManager::Secret')[0]).toMatchObject({ DeletionPolicy: 'Retain' });
  });

  test('comes only where it is asked for, and not beside workers', () => {
    const without = synthesize({ profile: 'dev', backbone: 'kinesis', runtime: 'lambda' });
    expect(ofType(without, 'AWS::ApiGateway::RestApi')).toEqual([]);
    expect(() => readConfig({ ...spot, apiRequestsPerSecond: 10 })).toThrow(
      expect.objectContaining({ code: 'PAIR_REFUSED', fix: expect.stringMatching(/runtime=lambda.*weir serve/) }),
    );
  });
});
