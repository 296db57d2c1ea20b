import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { permissionPart } from "./auth-permission.ts";

/**
 * The staging table of a Django project's content types, whose apps give permissions the first half of their names. None is stored
 * by itself.
 */
export const contentTypes = {
  name: "import_content_type",
  columns: { app_label: TEXT },
} as const satisfies StagingTable;

/** `contenttypes.contenttype`: the models of a Django project. */
export const contentType = defineReader({
  model: "contenttypes.contenttype",
  becomes: "the first half of the names of its permissions; not held by itself",
  into: contentTypes,
  isKnownByName: true,
  fields: { app_label: permissionPart },
  notHeld: { model: "userd takes from a content type the label of its app" },
  row: (columns) => columns,
});
