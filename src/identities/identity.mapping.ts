import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate, type Value } from "@bufbuild/protobuf/wkt";
import type { Selectable } from "kysely";
import type { AuthIdentitySchema, AuthProviderSchema } from "../gen/userd/v1/auth_identity_pb.ts";
import type { IdentityProviderSchema, IdentitySchema, IdentityStatus } from "../gen/userd/v1/identity_pb.ts";
import { toValue } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { etagOf } from "../versions/etag.ts";
import type { AuthIdentityRow, IdentityRow } from "./link.ts";

/** Makes a Value from stored JSON; undefined for an SQL null. */
const storedValue = (json: unknown): Value | undefined => (json === null ? undefined : toValue(json));

/** Makes the API's message of an identity from its row. */
export const toIdentity = (row: IdentityRow): MessageInitShape<typeof IdentitySchema> => ({
  userId: row.user_id,
  providerId: row.provider_id,
  externalId: row.external_id,
  data: storedValue(row.data),
  dateAdded: timestampFromDate(row.create_time),
  dateVerified: timestampFromDate(row.verify_time),
  scopes: [...row.scopes],
  status: row.status as IdentityStatus,
});

/** Makes the API's message of an auth identity from its row. */
export const toAuthIdentity = (row: AuthIdentityRow): MessageInitShape<typeof AuthIdentitySchema> => ({
  userId: row.user_id,
  providerId: row.provider_id,
  externalId: row.external_id,
  data: storedValue(row.data),
  dateAdded: timestampFromDate(row.create_time),
  lastVerified: timestampFromDate(row.verify_time),
  ...(row.sync_time && { lastSynced: timestampFromDate(row.sync_time) }),
});

/** Makes the API's message of an identity provider from its row. */
export const toIdentityProvider = (row: Selectable<Schema["identity_provider"]>): MessageInitShape<typeof IdentityProviderSchema> => ({
  id: row.id,
  type: row.type,
  externalId: row.external_id,
  config: storedValue(row.config),
  dateAdded: timestampFromDate(row.create_time),
  etag: etagOf(row),
});

/** The bit of `auth_provider.flags` that lets members sign in without an auth identity. */
export const ALLOW_UNLINKED = 1n;
/** The bit of `auth_provider.flags` that says that the sign-in provider manages the members by SCIM. */
export const SCIM_ENABLED = 2n;

/** Makes the API's message of an organization's sign-in provider from its row. */
export const toAuthProvider = (row: Selectable<Schema["auth_provider"]>): MessageInitShape<typeof AuthProviderSchema> => ({
  id: row.id,
  organizationId: row.organization_id,
  provider: row.provider,
  config: storedValue(row.config),
  dateAdded: timestampFromDate(row.create_time),
  ...(row.default_role !== null && { defaultRole: row.default_role }),
  defaultGlobalAccess: row.default_global_access,
  allowUnlinked: (row.flags & ALLOW_UNLINKED) !== 0n,
  scimEnabled: (row.flags & SCIM_ENABLED) !== 0n,
  etag: etagOf(row),
});
