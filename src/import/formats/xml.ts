import sax, { type Tag } from "sax";
import { parseExactly } from "../exact-json.ts";
import { ImportFault } from "../fault.ts";
import { plain, type RecordReader } from "./record-reader.ts";

type Element = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  text: string;
  value?: unknown;
  list?: unknown[];
};

/** The elements that may stand in each element, from the outside in. */
const inside: Readonly<Record<string, readonly string[]>> = {
  "": ["django-objects"],
  "django-objects": ["object"],
  object: ["field", "natural"],
  field: ["None", "natural", "object"],
};

const booleans = new Map<string, unknown>([
  ["True", true],
  ["False", false],
]);

/** Else the parser takes the entities of HTML, too; its types do not know that option. */
const options = { trim: false, normalize: false, xmlns: false, position: false, strictEntities: true };

/** Makes the `RecordReader` of the XML that Django writes: `<field>`s in `<object model pk>`s. It refuses DOCTYPE, which can define entities. */
export const xmlReader = (): RecordReader => {
  const parser = sax.parser(true, options);
  const open: Element[] = [];
  let records: unknown[] = [];
  let fields: Record<string, unknown> = {};
  let count = 0;
  let isEnded = false;

  const place = (): string => {
    const field = open.find(({ name }) => name === "field")?.attributes["name"];
    return `record ${count + 1}${field === undefined ? "" : `, at fields.${plain(field)}`}`;
  };
  const fault = (what: string, cause?: unknown): ImportFault => new ImportFault(`${what} (${place()}).`, { cause });

  const contentOf = (field: Element): unknown => {
    if ("value" in field) return field.value;
    if (field.list !== undefined) return field.list;
    const { type = "", rel = "" } = field.attributes;
    if (rel === "ManyToManyRel") return [];
    if (type === "BooleanField" || type === "NullBooleanField") return booleans.get(field.text) ?? field.text;
    if (type !== "JSONField") return field.text;
    try {
      return parseExactly(field.text);
    } catch (error) {
      throw fault("A field is not valid JSON", error);
    }
  };

  const begin = ({ name, attributes }: Tag): void => {
    const around = open.at(-1);
    // A link of a many-to-many field is an object inside a field: it holds natural keys at most.
    const allowed = open.length > 3 ? ["natural"] : (inside[around?.name ?? ""] ?? []);
    if (!allowed.includes(name) || (open.length === 2 && name === "natural")) throw fault("The file is not the XML of Django's serializer");
    if (open.length === 1) fields = Object.create(null) as Record<string, unknown>;
    open.push({ name, attributes: attributes as Record<string, string>, text: "" });
  };

  const end = (): void => {
    const element = open.pop();
    const around = open.at(-1);
    if (element === undefined || around === undefined) {
      isEnded = true;
      return;
    }
    const { name, attributes, text } = element;
    if (name === "None") around.value = null;
    else if (name === "natural") around.list = [...(around.list ?? []), text];
    else if (name === "field") {
      open.push(element);
      const { name: field } = attributes;
      if (field === undefined) throw fault("A field has no name");
      fields[field] = contentOf(element);
      open.pop();
    } else if (around.name === "field") around.list = [...(around.list ?? []), element.list ?? attributes["pk"]];
    else {
      records.push({ model: attributes["model"], pk: attributes["pk"], fields });
      count += 1;
    }
  };

  const keep = (text: string): void => {
    const element = open.at(-1);
    if (element === undefined) return;
    if (element.name === "field" || element.name === "natural") element.text += text;
    else if (text.trim() !== "") throw fault("The file is not the XML of Django's serializer");
  };

  parser.onopentag = (tag) => begin(tag as Tag);
  parser.onclosetag = end;
  parser.ontext = keep;
  parser.oncdata = keep;
  // Entities of its own could make a small file large, and read other files.
  parser.ondoctype = () => {
    throw new ImportFault("The file has a document type (<!DOCTYPE …>), which no export of Django has.");
  };
  parser.onerror = (error) => {
    throw fault("The file is not valid XML", error);
  };

  const taken = (): unknown[] => {
    const found = records;
    records = [];
    return found;
  };
  return {
    maxRecord: 32 * 1024 * 1024,
    place,
    take: (text) => {
      parser.write(text);
      return taken();
    },
    end: () => {
      if (!isEnded) throw new ImportFault(`The file ends too early (${place()}).`);
      parser.close();
      return taken();
    },
  };
};
