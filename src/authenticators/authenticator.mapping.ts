import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Selectable } from "kysely";
import { type AuthenticatorSchema, AuthenticatorType } from "../gen/userd/v1/authenticator_pb.ts";
import { toValue } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import type { Vault } from "../secrets/secrets.ts";

/** The stored numbers are those of the model that authenticators are imported from; 0 is recovery codes. */
const types: readonly AuthenticatorType[] = [
  AuthenticatorType.RECOVERY_CODES,
  AuthenticatorType.TOTP,
  AuthenticatorType.SMS,
  AuthenticatorType.U2F,
];

/** The stored number of a type. */
export const storedType = (type: AuthenticatorType): number => types.indexOf(type);

/** An authenticator as the API shows it. */
export const toAuthenticator = (row: Selectable<Schema["authenticator"]>, vault: Vault): MessageInitShape<typeof AuthenticatorSchema> => ({
  userId: row.user_id,
  type: types[row.type] ?? AuthenticatorType.UNSPECIFIED,
  ...(row.config && { config: toValue(JSON.parse(vault.unlock(row.config)) as JsonValue) }),
  createTime: timestampFromDate(row.create_time),
  ...(row.last_used_time && { lastUsedTime: timestampFromDate(row.last_used_time) }),
});
