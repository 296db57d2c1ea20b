import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate, type Value } from "@bufbuild/protobuf/wkt";
import type { Selectable } from "kysely";
import type { Schema } from "../db/orm.ts";
import type { AuthIdentitySchema, AuthProviderSchema } from "../gen/users/v1/auth_identity_pb.ts";
import type { IdentityProviderSchema, IdentitySchema } from "../gen/users/v1/identity_pb.ts";
import { toValue } from "../options/value.ts";
import type { LinkRow } from "./link.ts";

/** Stored JSON; an SQL null is none. */
const storedValue = (json: unknown): Value | undefined => (json === null ? undefined : toValue(json));

/** An identity as the API shows it. */
export const toIdentity = (row: LinkRow): MessageInitShape<typeof IdentitySchema> => ({
  userId: row.user_id,
  providerId: row.provider_id,
  externalId: row.external_id,
  data: storedValue(row.data),
  dateAdded: timestampFromDate(row.create_time),
  dateVerified: timestampFromDate(row.verify_time),
});

/** An identity of the provider of an organization, as the API shows it. */
export const toAuthIdentity = (row: LinkRow): MessageInitShape<typeof AuthIdentitySchema> => ({
  userId: row.user_id,
  providerId: row.provider_id,
  externalId: row.external_id,
  data: storedValue(row.data),
  dateAdded: timestampFromDate(row.create_time),
  lastVerified: timestampFromDate(row.verify_time),
});

/** An identity provider as the API shows it. */
export const toIdentityProvider = (row: Selectable<Schema["identity_provider"]>): MessageInitShape<typeof IdentityProviderSchema> => ({
  id: row.id,
  type: row.type,
  externalId: row.external_id,
  config: storedValue(row.config),
  dateAdded: timestampFromDate(row.create_time),
});

/** The provider of an organization as the API shows it. */
export const toAuthProvider = (row: Selectable<Schema["auth_provider"]>): MessageInitShape<typeof AuthProviderSchema> => ({
  id: row.id,
  organizationId: row.organization_id,
  provider: row.provider,
  config: storedValue(row.config),
  dateAdded: timestampFromDate(row.create_time),
});
