type TenantAccount = { readonly tenantId: string; readonly accountId: string };
type TenantMerchant = { readonly tenantId: string; readonly merchantId: string };

/** The ledger account that a payment debits. */
export function cardholderAccount({ tenantId, accountId }: TenantAccount): string {
  return `cardholder/${escapeSegment(tenantId)}/${accountId}`;
}

/** The ledger account of what is held for a merchant; it is never overdrawn. */
export function pendingAccount({ tenantId, merchantId }: TenantMerchant): string {
  return `pending/${escapeSegment(tenantId)}/${merchantId}`;
}

/** The ledger account of what a merchant has claimed. */
export function settledAccount({ tenantId, merchantId }: TenantMerchant): string {
  return `settled/${escapeSegment(tenantId)}/${merchantId}`;
}

/** Names one authorization in the ledger's state. Ids have no control characters, so no two authorizations share a key. */
export function authorizationKey(authorization: TenantAccount & { readonly authorizationId: string }): string {
  return `${authorization.tenantId}\n${authorization.accountId}\n${authorization.authorizationId}`;
}

/**
 * Escapes as https://www.rfc-editor.org/rfc/rfc6901 does, so that no tenant can name an account of another one. The last
 * segment needs no escape: it ends with the text.
 */
function escapeSegment(text: string): string {
  if (!text.includes('/') && !text.includes('~')) return text;
  return text.replaceAll('~', '~0').replaceAll('/', '~1');
}
