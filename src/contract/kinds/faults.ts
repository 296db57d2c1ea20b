import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { UnplacedKind } from "./kind.ts";

/** A function that records a fault of a message or field; `says` completes a sentence that begins with the name of the message or field. */
export type Note = (of: DescMessage | DescField, says: string) => void;

/** The error that lists all faults of the messages that declare kinds. */
export class KindFaults extends Error {
  override readonly name = "KindFaults";
  readonly faults: readonly string[];
  /** All kinds that were read, those with faults too, for those who look for further faults. */
  readonly kinds: readonly UnplacedKind[];

  constructor(faults: readonly string[], kinds: readonly UnplacedKind[]) {
    super(`The kinds can't be served:\n${faults.join("\n")}`);
    this.faults = faults;
    this.kinds = kinds;
  }
}

/** Makes an empty list of faults, and the function that adds a fault to the list, with the names of its file, message and field. */
export const createNotes = (): { readonly note: Note; readonly faults: string[] } => {
  const faults: string[] = [];
  const note: Note = (of, says) => {
    const message = of.kind === "field" ? of.parent : of;
    const name = of.kind === "field" ? `${message.name}.${of.name}` : message.name;
    faults.push(`${message.file.name}.proto: ${name} ${says}`);
  };
  return { note, faults };
};
