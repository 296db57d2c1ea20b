import { type Command, InvalidArgumentError } from "commander";
import type { UserOption } from "../gen/userd/v1/user_option_pb.ts";
import { type ClientOptions, withClientOptions } from "./client-options.ts";

/** The project id and the organization id that a command line gives by --project and --organization, to name a scope. */
export type ScopeOptions = { readonly project?: bigint; readonly organization?: bigint };

/** The command-line options of every command that reads or writes users' options in a scope. */
export type OptionCommand = ClientOptions & ScopeOptions & { readonly json?: true };

const parseId = (text: string): bigint => {
  if (!/^[1-9]\d{0,18}$/.test(text)) throw new InvalidArgumentError("It has to be an id: a number above 0.");
  return BigInt(text);
};

/** Adds --project and --organization, which name a scope, and the options of a client to a command, and returns the command. */
export const withScope = (command: Command): Command =>
  withClientOptions(command)
    .option("--project <id>", "scope: a project", parseId)
    .option("--organization <id>", "scope: an organization", parseId);

/** Makes the two fields by which a request names a scope; 0 stands for an id that the command line does not give. */
export const scopeOf = ({ project = 0n, organization = 0n }: ScopeOptions) => ({ projectId: project, organizationId: organization });

/** Formats the scope of an option for people: `project 7`, `organization 7` or `global`. */
export const scopeName = ({ projectId, organizationId }: Pick<UserOption, "projectId" | "organizationId">): string => {
  if (projectId !== 0n) return `project ${projectId}`;
  return organizationId === 0n ? "global" : `organization ${organizationId}`;
};
