import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { MAX_PAGE_SIZE, withinPage } from "../db/page.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListAuthIdentitiesRequestSchema } from "../gen/userd/v1/auth_identity_pb.ts";
import { ListIdentitiesRequestSchema } from "../gen/userd/v1/identity_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { toAuthIdentity, toIdentity } from "./identity.mapping.ts";
import { type AuthIdentityRow, attach, detach, type IdentityRow, linkAggregates, linkBytes, linkColumns } from "./link.ts";

const { method } = UserService;

/** LinkIdentity: links a user to the external id by which an identity provider knows the user. */
export const linkIdentity =
  ({ write }: Dependencies): Operation<typeof method.linkIdentity> =>
  (call, request) =>
    write(call, { method: method.linkIdentity, request, aggregates: linkAggregates("identity", request) }, async (tx) => ({
      identity: toIdentity(await attach(tx, "identity", request)),
    }));

/** UnlinkIdentity: removes the link of a user to an identity provider. */
export const unlinkIdentity =
  ({ write }: Dependencies): Operation<typeof method.unlinkIdentity> =>
  (call, request) =>
    write(call, { method: method.unlinkIdentity, request, aggregates: [userAggregate(request.userId)] }, (tx) =>
      detach(tx, "identity", request),
    );

/** ListIdentities: returns a page of one user's identities, ordered by provider. Throws NOT_FOUND when there is no such user. */
export const listIdentities =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listIdentities> =>
  async (call, request) => {
    const page = pager(call, ListIdentitiesRequestSchema, request, MAX_PAGE_SIZE);
    await freshness.check(call, request.consistency);
    const [after = "0"] = page.after ?? [];
    const rows = await db.session(call).rows(
      withinPage(sql<IdentityRow | { user_id: null }>`
      select ${linkColumns.identity} from users u left join identity l on l.user_id = u.id and l.provider_id > ${after}::bigint
      where u.id = ${request.userId} order by l.provider_id limit ${page.size + 1}`),
    );
    if (rows.length === 0) throw userNotFound();
    const found = rows.filter((row): row is IdentityRow => row.user_id !== null);
    const { rows: shown, nextPageToken } = page.cut(found, ({ provider_id }) => [provider_id], linkBytes);
    return { identities: shown.map(toIdentity), nextPageToken };
  };

/** LinkAuthIdentity: links a user to the external id by which the sign-in provider of an organization knows the user. */
export const linkAuthIdentity =
  ({ write }: Dependencies): Operation<typeof method.linkAuthIdentity> =>
  (call, request) =>
    write(call, { method: method.linkAuthIdentity, request, aggregates: linkAggregates("auth_identity", request) }, async (tx) => ({
      identity: toAuthIdentity(await attach(tx, "auth_identity", request)),
    }));

/** UnlinkAuthIdentity: removes the link of a user to the sign-in provider of an organization. */
export const unlinkAuthIdentity =
  ({ write }: Dependencies): Operation<typeof method.unlinkAuthIdentity> =>
  (call, request) =>
    write(call, { method: method.unlinkAuthIdentity, request, aggregates: [userAggregate(request.userId)] }, (tx) =>
      detach(tx, "auth_identity", request),
    );

/** ListAuthIdentities: returns a page of the auth identities at the sign-in provider of an organization, ordered by user. */
export const listAuthIdentities =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listAuthIdentities> =>
  async (call, request) => {
    const { organizationId, userId } = request;
    const { size, after, cut } = pager(call, ListAuthIdentitiesRequestSchema, request);
    await freshness.check(call, request.consistency);
    const ofUser = userId === 0n ? sql`true` : sql`l.user_id = ${userId}`;
    const found = await db.session(call).rows(
      withinPage(sql<AuthIdentityRow>`
      select ${linkColumns.auth_identity} from auth_provider p join auth_identity l on l.provider_id = p.id
      where p.organization_id = ${organizationId} and l.user_id > ${after?.[0] ?? "0"} and ${ofUser}
      order by l.user_id limit ${size + 1}`),
    );
    const { rows, nextPageToken } = cut(found, (row) => [row.user_id], linkBytes);
    return { identities: rows.map(toAuthIdentity), nextPageToken };
  };
