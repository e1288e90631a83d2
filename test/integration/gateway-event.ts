import type { LambdaEvent } from 'hono/aws-lambda';

/** A request as a REST API of API Gateway hands it to a function. */
export function gatewayEvent(request: {
  readonly method: string;
  readonly path: string;
  readonly body: string | null;
  readonly bearer: string;
}): LambdaEvent {
  const { method: httpMethod, path, body, bearer } = request;
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', host: 'api.example' };
  const multiValueHeaders = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  return {
    version: '1.0',
    resource: path,
    path,
    httpMethod,
    headers,
    multiValueHeaders,
    queryStringParameters: {},
    body,
    isBase64Encoded: false,
    requestContext: {
      accountId: '000000000000',
      apiId: 'a1b2c3',
      authorizer: {},
      domainName: 'api.example',
      domainPrefix: 'api',
      extendedRequestId: 'e',
      httpMethod,
      identity: { sourceIp: '192.0.2.1', userAgent: 'test' },
      path: `/live${path}`,
      protocol: 'HTTP/1.1',
      requestId: 'r',
      requestTime: '01/Dec/2026:00:00:00 +0000',
      requestTimeEpoch: 1_796_083_200_000,
      resourcePath: path,
      stage: 'live',
    },
  };
}
