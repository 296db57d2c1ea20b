import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { MAX_PAGE_SIZE } from "../db/page.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListUserEmailsRequestSchema } from "../gen/userd/v1/emails_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { toUserEmails } from "../users/user.mapping.ts";
import type { UserEmailRow } from "../users/user.select.ts";

type Row = { readonly primary_email: string } & ((UserEmailRow & { readonly id: bigint }) | { readonly id: null });

/**
 * ListUserEmails: a page of the addresses of one user, by id: an address has no place in a page token. A user without any
 * address is one row of nulls.
 */
export const listUserEmails =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof UserService.method.listUserEmails> =>
  async (call, request) => {
    const page = pager(call, ListUserEmailsRequestSchema, request, MAX_PAGE_SIZE);
    await freshness.check(call, request.consistency);
    const [after = "0"] = page.after ?? [];
    const rows = await db.session(call).rows(sql<Row>`
      select u.email as primary_email, e.id, e.email, e.email_canonical, e.is_verified, e.date_added
      from users u left join user_email e on e.user_id = u.id and e.id > ${after}::bigint
      where u.id = ${request.userId} order by e.id limit ${page.size + 1}`);
    const [user] = rows;
    if (!user) throw userNotFound();
    const found = rows.filter((row): row is Row & UserEmailRow & { id: bigint } => row.id !== null);
    const { rows: shown, nextPageToken } = page.cut(found, ({ id }) => [id]);
    const emails = [...shown].sort((a, b) => (a.email_canonical < b.email_canonical ? -1 : 1));
    return { emails: toUserEmails({ email: user.primary_email, emails }), nextPageToken };
  };
