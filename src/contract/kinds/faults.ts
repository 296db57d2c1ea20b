import type { DescField, DescMessage } from "@bufbuild/protobuf";

/** Notes what is wrong with a message, or with a field of it; `says` completes the sentence that begins with it. */
export type Note = (of: DescMessage | DescField, says: string) => void;

/** The faults of a set of kinds, all of them. */
export class KindFaults extends Error {
  override readonly name = "KindFaults";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The kinds can't be served:\n${faults.join("\n")}`);
    this.faults = faults;
  }
}

/** Collects faults, each with its file, message and field. */
export const createNotes = (): { readonly note: Note; readonly faults: string[] } => {
  const faults: string[] = [];
  const note: Note = (of, says) => {
    const message = of.kind === "field" ? of.parent : of;
    const name = of.kind === "field" ? `${message.name}.${of.name}` : message.name;
    faults.push(`${message.file.name}.proto: ${name} ${says}`);
  };
  return { note, faults };
};
