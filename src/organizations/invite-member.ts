import { organizationSubject, userSubject } from "../cache/subject.ts";
import type { Operation } from "../call.ts";
import { handleOf, lockHandles } from "../db/handles.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/users/v1/organization_service_pb.ts";
import { assertAddress } from "../names/rules.ts";
import { writableUser } from "../users/writable-user.ts";
import { toMember } from "./member.mapping.ts";
import { insertMember } from "./member.ts";
import { assertOrganization } from "./stored.ts";

const method = OrganizationService.method.inviteMember;

/**
 * InviteMember: the address is locked like one that a user claims, so whoever verifies it at the same time either finds the
 * invitation or is found here.
 */
export const inviteMember =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { organizationId, email, role, requestId } = request;
    assertAddress(email, "email");
    const handle = handleOf(email);
    const holders = (run: Pick<typeof db, "sql">) =>
      run.sql.selectFrom("user_email").select("user_id").where("email_handle", "=", handle).where("is_verified", "=", true);
    // The user has to be known before it can be locked; who has the address is looked at again under its lock.
    const known = await holders(db).executeTakeFirst(db.abort(call));
    const subjects = [organizationSubject(organizationId), ...(known ? [userSubject(known.user_id)] : [])];
    return write(call, { method, request, subjects, requestId }, async (tx) => {
      await assertOrganization(tx, organizationId);
      await lockHandles(tx, [email]);
      const holder = await holders(tx).executeTakeFirst(tx.abort);
      if (holder === undefined) return { member: toMember(await insertMember(tx, { organizationId, email, handle, role })) };
      await writableUser(tx, holder.user_id);
      return { member: toMember(await insertMember(tx, { organizationId, userId: holder.user_id, role })) };
    });
  };
