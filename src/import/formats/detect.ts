import { ImportFault } from "../fault.ts";

/** The formats of files that an import reads: a JSON array, JSON records one after another, Django's XML, and Django's YAML. */
export type Format = "array" | "lines" | "xml" | "yaml";

/** The number of bytes at the beginning of a file by which its format is detected. */
export const HEAD = 512;

/** Magic numbers of what is no text → what to do about it. */
const magic: readonly (readonly [bytes: string, offset: number, sentence: string])[] = [
  ["1f8b", 0, "The file is packed twice with gzip: unpack it once with `gunzip`."],
  ["504b0304", 0, "The file is a ZIP archive: unpack it with `unzip`, and import what is in it."],
  ["28b52ffd", 0, "The file is packed with Zstandard: unpack it with `zstd -d`, or pipe it: `zstd -dc FILE | userd import -`."],
  ["425a68", 0, "The file is packed with bzip2: unpack it with `bunzip2`, or pipe it: `bzcat FILE | userd import -`."],
  ["fd377a585a00", 0, "The file is packed with xz: unpack it with `unxz`, or pipe it: `xzcat FILE | userd import -`."],
  ["7573746172", 257, "The file is a tar archive: unpack it with `tar -xf`, and import what is in it."],
  [
    "5047444d50",
    0,
    "The file is a dump of PostgreSQL (pg_dump -Fc), which holds tables and no records: write it with `manage.py dumpdata --format json`.",
  ],
  ["53514c69746520666f726d6174203300", 0, "The file is an SQLite database: write its records with `manage.py dumpdata --format json`."],
  [
    "fffe",
    0,
    "The file is UTF-16, as PowerShell's `>` writes it: write it with `manage.py dumpdata --output FILE`, or recode it with `iconv -f UTF-16 -t UTF-8`.",
  ],
  ["feff", 0, "The file is UTF-16: recode it with `iconv -f UTF-16 -t UTF-8`."],
];

const DUMPDATA = "write it with `manage.py dumpdata --format json`";

/** The beginnings of text that holds no records → what to do about it. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:--(?!-)|\/\*|(?:create|insert|set|begin|copy|drop|pragma|use|alter)\b)/i,
    `The file is SQL, which holds tables and no records: ${DUMPDATA}.`,
  ],
  [/^<(?:!doctype html|html)/i, "The file is an HTML page, perhaps a sign-in page instead of the export: download it again."],
  [/^[^\n{}[\]]*[,;\t][^\n{}[\]]*(?:\n|$)/, `The file looks like CSV, which does not say what its columns mean: ${DUMPDATA}.`],
];

/** The beginnings of the formats that are read. */
const known: readonly (readonly [RegExp, Format])[] = [
  [/^\[/, "array"],
  [/^\{/, "lines"],
  [/^<(?:\?xml|django-objects|!--|!doctype (?!html))/i, "xml"],
  [/^(?:- |-\r?\n|-$|---|#|%YAML)/, "yaml"],
];

/** Detects the format of a file by its first bytes. Throws ImportFault for a format that userd can't read; the message says what to do. */
export const detect = (head: Buffer): Format => {
  for (const [bytes, offset, sentence] of magic) {
    const expected = Buffer.from(bytes, "hex");
    if (head.subarray(offset, offset + expected.length).equals(expected)) throw new ImportFault(sentence);
  }
  const text = head
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .trimStart();
  if (text === "") throw new ImportFault(`The file is empty: ${DUMPDATA}.`);
  if (text.startsWith('{"format":"userd export"')) throw new ImportFault("The file is an export of userd: read it with --into-empty.");
  const [, format] = known.find(([beginning]) => beginning.test(text)) ?? [];
  if (text.includes("\0"))
    throw new ImportFault(
      "The file is no UTF-8 text: if it is UTF-16 or UTF-32, recode it with `iconv -t UTF-8`; else write it with `manage.py dumpdata --format json`.",
    );
  if (format !== undefined) return format;
  const [, sentence] = foreign.find(([beginning]) => beginning.test(text)) ?? [];
  throw new ImportFault(
    sentence ??
      `The file is in no format that userd reads (JSON, JSON lines, Django's XML and YAML, each also with gzip); if a program printed something above the records, remove that, or ${DUMPDATA}.`,
  );
};
