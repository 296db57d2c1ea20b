import { type Clients, createClients } from "../support/clients.ts";
import type { Member } from "../support/fleet.ts";

/** Connects clients to the members in turn, each with a connection of its own; they are closed with the stack. With `{}` deadlines are the service's own. */
export const connectClients = (
  members: readonly Pick<Member, "addresses">[],
  count: number,
  stack: AsyncDisposableStack,
  limits?: { defaultTimeoutMs?: number },
): readonly Clients[] =>
  Array.from({ length: count }, (_, index) => {
    const member = members[index % members.length];
    if (member === undefined) throw new Error("The fleet has no members.");
    const { byKind, close } = createClients(member.addresses, limits);
    stack.defer(close);
    return byKind["grpc-js"];
  });
