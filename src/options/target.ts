import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ScopeOption, ScopeOptionSchema } from "../gen/userd/v1/scope_option_pb.ts";
import type { Aggregate } from "../versions/aggregate.ts";
import { type Scope, ScopeKind } from "./scope.ts";

/** The target of a scope option: an organization, a project, or everybody. */
export type Target = ScopeOption["target"];

/** Returns the scope of a target. The proto's rules have refused a request without a target. */
export const scopeOfTarget = (target: Target): Scope => {
  if (target.case === "organizationId") return { kind: ScopeKind.ORGANIZATION, id: target.value };
  if (target.case === "projectId") return { kind: ScopeKind.PROJECT, id: target.value };
  return { kind: ScopeKind.GLOBAL, id: 0n };
};

/** Makes the target in the message of a scope option from the two columns of the option's scope. */
export const targetOf = (kind: number, id: bigint): MessageInitShape<typeof ScopeOptionSchema>["target"] & object => {
  if (kind === ScopeKind.ORGANIZATION) return { case: "organizationId", value: id };
  if (kind === ScopeKind.PROJECT) return { case: "projectId", value: id };
  return { case: "globalScope", value: {} };
};

/** Returns the aggregate whose version rises when an option of the scope changes. */
export const aggregateOfScope = ({ kind, id }: Scope): Aggregate => {
  if (kind === ScopeKind.ORGANIZATION) return { kind: "organization", id };
  return kind === ScopeKind.PROJECT ? { kind: "project", id } : { kind: "global", id: 0n };
};
