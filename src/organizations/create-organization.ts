import { MemberRole } from "../gen/userd/v1/member_pb.ts";
import { createResource } from "../kinds/create.ts";
import { fieldsOf, type StandardMethod } from "../kinds/standard-method.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { insertMember } from "./member.ts";

const ownerIn = (request: object): bigint => fieldsOf<{ readonly ownerUserId: bigint }>(request).ownerUserId;

/** CreateOrganization: creates the organization and, if the request names one, its first owner. */
export const createOrganization: StandardMethod = (app, kind, method) =>
  createResource(app, kind, method, {
    locks: (request) => (ownerIn(request) === 0n ? [] : [userAggregate(ownerIn(request))]),
    check: async (tx, request) => {
      if (ownerIn(request) !== 0n) await writableUser(tx, ownerIn(request));
    },
    follow: async (tx, request, organizationId) => {
      if (ownerIn(request) !== 0n) await insertMember(tx, { organizationId, userId: ownerIn(request), role: MemberRole.OWNER });
    },
  });
