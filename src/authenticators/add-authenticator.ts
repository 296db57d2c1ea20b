import { type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { jsonOf } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import type { Vault } from "../secrets/secrets.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { storedType, toAuthenticator } from "./authenticator.mapping.ts";

/** AddAuthenticator: the vault locks the config before it goes to the database; a constraint refuses a second one of a type. */
export const addAuthenticator =
  ({ write, vault }: { write: Write; vault: Vault }): Operation<typeof UserService.method.addAuthenticator> =>
  (call, request) => {
    const { userId, type, config } = request;
    const locked = config === undefined ? null : vault.lock(jsonOf(config, "config"));
    return write(call, { method: UserService.method.addAuthenticator, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await writableUser(tx, userId);
      const row = await tx.one(sql<Selectable<Schema["authenticator"]>>`
        insert into authenticator (user_id, type, config) values (${userId}, ${storedType(type)}, ${locked})
        returning *`);
      return { authenticator: toAuthenticator(row, vault) };
    });
  };
