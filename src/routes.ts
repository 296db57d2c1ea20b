import type { DescService } from "@bufbuild/protobuf";
import type { Operations } from "./call.ts";
import { changeOperations } from "./changes/operations.ts";
import type { Dependencies } from "./dependencies.ts";
import { ChangeService } from "./gen/userd/v1/change_service_pb.ts";
import { OrganizationService } from "./gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "./gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "./gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "./gen/userd/v1/user_service_pb.ts";
import { optionOperations } from "./options/operations.ts";
import { organizationOperations } from "./organizations/operations.ts";
import { profileOperations } from "./profiles/operations.ts";
import { userOperations } from "./users/operations.ts";

/** A service and what answers its RPCs. */
export type Route = { readonly service: DescService; readonly operations: Operations<DescService> };

/** Ties a service to its operations; the types hold them together. */
export const route = <S extends DescService>(service: S, operations: Operations<S>): Route => ({
  service,
  operations: operations as unknown as Operations<DescService>,
});

/** Every service on one line: the table of contents of the API. */
export const createRoutes = (dependencies: Dependencies): readonly Route[] => [
  route(UserService, userOperations(dependencies)),
  route(UserOptionService, optionOperations(dependencies)),
  route(OrganizationService, organizationOperations(dependencies)),
  route(ProfileService, profileOperations(dependencies)),
  route(ChangeService, changeOperations(dependencies)),
];
