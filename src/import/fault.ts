/** The error that stops an import: nothing is stored. Its message is a sentence that names the record and field, if there is one. */
export class ImportFault extends Error {
  override readonly name = "ImportFault";
}

/** The error that a field has an impossible value: the file is broken. The message continues after the field's name: `must be text`. */
export class FieldFault extends Error {
  override readonly name = "FieldFault";
}

/**
 * The error that a record can't be stored, though the file is valid. The import skips the record and reports the message as the reason; a
 * message about a field continues after the field's name.
 */
export class Unfit extends Error {
  override readonly name = "Unfit";
}
