import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrganizationService } from "../gen/userd/v1/organization_service_pb.ts";
import { liveById } from "../kinds/stored.ts";
import { writableUser } from "../users/writable-user.ts";
import { organizationAggregate, userAggregate } from "../versions/aggregate.ts";
import { organizations } from "./kind.ts";
import { toMember } from "./member.mapping.ts";
import { insertMember } from "./member.ts";

const method = OrganizationService.method.addMember;

/** AddMember: makes a user a member of an organization; a constraint refuses a second membership. */
export const addMember =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const { organizationId, userId, role } = request;
    const aggregates = [organizationAggregate(organizationId), userAggregate(userId)];
    return write(call, { method, request, aggregates }, async (tx) => {
      await liveById(tx, organizations, organizationId);
      await writableUser(tx, userId);
      return { member: toMember(await insertMember(tx, { organizationId, userId, role })) };
    });
  };
