import { DomainError } from "../errors.ts";

/** Stands for an RPC of the contract whose operation is still to come. */
export const notYet = (): never => {
  throw new DomainError("Unimplemented", "METHOD_NOT_FOUND", "The RPC is not implemented yet.");
};
