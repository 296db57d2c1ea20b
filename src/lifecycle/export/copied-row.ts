import type { RowEncoding } from "./line-writer.ts";

/** How a column of a copied row becomes JSON: by what its text is. */
export type CopiedForm = "number" | "boolean" | "text" | "moment" | "json";

const code = (character: string): number => character.charCodeAt(0);

const [TAB, NEWLINE, BACKSLASH, QUOTE, SPACE, PLUS] = [9, 10, 0x5c, 0x22, 0x20, 0x2b];
const [NULL_LETTER, VERTICAL_TAB_LETTER, TRUE_LETTER, DATE_LETTER] = [code("N"), code("v"), code("t"), code("T")];

/** The control characters that COPY writes as a letter behind a backslash, by that letter. */
const controls = new Map([...Object.entries({ b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" })].map(([a, b]) => [code(a), code(b)]));

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const [NULL, TRUE, FALSE, MINUTES] = ["null", "true", "false", ":00"].map(bytesOf) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** How JSON writes control characters that COPY leaves as they are, or writes in a way that is not JSON's. */
const escapes = Array.from({ length: 0x20 }, (_, control) => bytesOf(`\\u${control.toString(16).padStart(4, "0")}`));

/** The bytes of a text that need to be looked at: 1 ends a column, the others have to be escaped or are already. */
const ENDS = 1;
const kinds = Uint8Array.from({ length: 0x100 }, (_, byte) => {
  if (byte === TAB || byte === NEWLINE) return ENDS;
  return byte < SPACE || byte === BACKSLASH || byte === QUOTE ? 2 : 0;
});

// Called for most bytes of an export: a call of `set` for so few costs more.
const put = (bytes: Uint8Array, into: Uint8Array, at: number): number => {
  let end = at;
  for (let index = 0; index < bytes.length; index++) into[end++] = bytes[index] as number;
  return end;
};

/** The most bytes that a byte becomes: a control character is `\u0001`. */
const MOST = 6;
/** The most bytes that the value of a column has besides: two quotes, `false` in place of a letter, a zone's minutes. */
const BESIDES = 8;

/**
 * Makes the encoding of the rows of a table, of which COPY writes these columns in its text format. The JSON is, byte for byte, that of
 * `row_to_json`.
 */
export const createCopiedRows = (columns: readonly { readonly name: string; readonly form: CopiedForm }[]): RowEncoding<Uint8Array> => {
  const names = columns.map(({ name }, index) => bytesOf(`${index === 0 ? "{" : ","}${JSON.stringify(name)}:`));
  const forms = columns.map(({ form }) => form);
  const fixed = names.reduce((sum, { length }) => sum + length + BESIDES, 1);
  const encode = (copied: Uint8Array, into: Uint8Array, at: number): number => {
    if (copied[copied.length - 1] !== NEWLINE) throw new Error("A copied row has no end.");
    let [from, end] = [0, at];
    for (let column = 0; column < forms.length; column++) {
      end = put(names[column] as Uint8Array, into, end);
      if (copied[from] === BACKSLASH && copied[from + 1] === NULL_LETTER) {
        end = put(NULL, into, end);
        from += 3;
        continue;
      }
      const form = forms[column];
      if (form === "number") {
        for (let byte = copied[from++] as number; kinds[byte] !== ENDS; byte = copied[from++] as number) into[end++] = byte;
      } else if (form === "boolean") {
        end = put(copied[from] === TRUE_LETTER ? TRUE : FALSE, into, end);
        from += 2;
      } else if (form === "text") {
        into[end++] = QUOTE;
        for (let byte = copied[from++] as number; kinds[byte] !== ENDS; byte = copied[from++] as number) {
          if (kinds[byte] === 0) into[end++] = byte;
          else if (byte < SPACE) end = put(escapes[byte] as Uint8Array, into, end);
          else {
            // What COPY writes behind a backslash JSON does, too, but for one.
            const escaped = byte === BACKSLASH ? (copied[from++] as number) : byte;
            if (escaped === VERTICAL_TAB_LETTER) end = put(escapes[11] as Uint8Array, into, end);
            else {
              into[end++] = BACKSLASH;
              into[end++] = escaped;
            }
          }
        }
        into[end++] = QUOTE;
      } else if (form === "moment") {
        // 2026-11-30 12:00:00+00 becomes "2026-11-30T12:00:00+00:00", and what stands behind that, BC, stays.
        into[end++] = QUOTE;
        let isDate = true;
        for (let byte = copied[from++] as number; kinds[byte] !== ENDS; byte = copied[from++] as number) {
          into[end++] = isDate && byte === SPACE ? DATE_LETTER : byte;
          if (byte === SPACE) isDate = false;
          if (byte !== PLUS) continue;
          into[end++] = copied[from++] as number;
          into[end++] = copied[from++] as number;
          end = put(MINUTES, into, end);
        }
        into[end++] = QUOTE;
      } else {
        for (let byte = copied[from++] as number; kinds[byte] !== ENDS; byte = copied[from++] as number) {
          if (byte !== BACKSLASH) into[end++] = byte;
          else {
            const escaped = copied[from++] as number;
            into[end++] = controls.get(escaped) ?? escaped;
          }
        }
      }
    }
    into[end++] = code("}");
    return end;
  };
  return { room: ({ length }) => length * MOST + fixed, encode };
};
