/** The error that stops an import: nothing is stored. Its message is a sentence that names the record and field at fault, if any. */
export class ImportFault extends Error {
  override readonly name = "ImportFault";
}

/**
 * The error for a field with an impossible value: the file is broken. The message completes a sentence that begins with the name of the
 * field: `must be text`.
 */
export class FieldFault extends Error {
  override readonly name = "FieldFault";
}

/**
 * The error for a record that can't be stored, though the file is valid: the import skips the record, with the message as the reason. A
 * message about a field completes a sentence that begins with the name of the field: `is empty`.
 */
export class Unfit extends Error {
  override readonly name = "Unfit";
}
