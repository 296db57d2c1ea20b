/** The error that a file can't be imported. Its message is one sentence that says at which record and field. Nothing was stored. */
export class ImportFault extends Error {
  override readonly name = "ImportFault";
}

/**
 * The error that a field holds a value that it can't have: the file is broken. The message completes a sentence that begins with the
 * field.
 */
export class FieldFault extends Error {
  override readonly name = "FieldFault";
}

/**
 * The error that a record is well-formed, but can't be stored. The import skips the record. The message is the reason that the
 * report lists; one about a field completes a sentence that begins with the field.
 */
export class Unfit extends Error {
  override readonly name = "Unfit";
}
