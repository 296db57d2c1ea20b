/** The file can't be imported; the message is one sentence that says at which record and field. Nothing was stored. */
export class ImportFault extends Error {
  override readonly name = "ImportFault";
}

/** A field holds what it can't: the file is broken. The message completes a sentence that begins with the field. */
export class FieldFault extends Error {
  override readonly name = "FieldFault";
}

/** A record is well-formed, but can't be stored: it is skipped. The message is the reason that the report lists; a field's completes a sentence that begins with the field. */
export class Unfit extends Error {
  override readonly name = "Unfit";
}
