import { type Command, InvalidArgumentError } from "commander";
import type { UserOption } from "../gen/userd/v1/user_option_pb.ts";
import { type ClientOptions, withClientOptions } from "./client-options.ts";

/** A scope, as the command line names it. */
export type ScopeOptions = { readonly project?: bigint; readonly organization?: bigint };

/** The options of every command that reads or writes options in a scope. */
export type OptionCommand = ClientOptions & ScopeOptions & { readonly json?: true };

const parseId = (text: string): bigint => {
  if (!/^[1-9]\d{0,18}$/.test(text)) throw new InvalidArgumentError("It has to be an id: a number above 0.");
  return BigInt(text);
};

/** Adds the options of a client and those that name a scope to a command. */
export const withScope = (command: Command): Command =>
  withClientOptions(command)
    .option("--project <id>", "scope: a project", parseId)
    .option("--organization <id>", "scope: an organization", parseId);

/** The two fields of a request that name a scope. */
export const scopeOf = ({ project = 0n, organization = 0n }: ScopeOptions) => ({ projectId: project, organizationId: organization });

/** The name of an option's scope, for people. */
export const scopeName = ({ projectId, organizationId }: Pick<UserOption, "projectId" | "organizationId">): string => {
  if (projectId !== 0n) return `project ${projectId}`;
  return organizationId === 0n ? "global" : `organization ${organizationId}`;
};
