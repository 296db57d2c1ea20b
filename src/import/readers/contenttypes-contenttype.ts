import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { permissionPart } from "./auth-permission.ts";

/** The staging table of Django's content types, used only to find the label of the app in the name of a permission. */
export const contentTypes = {
  name: "import_content_type",
  columns: { app_label: TEXT },
} as const satisfies StagingTable;

/** The import reader of `contenttypes.contenttype` records, which list a Django project's models. Only the label of a model's app is read. */
export const contentType = defineReader({
  model: "contenttypes.contenttype",
  becomes: "the first half of the names of its permissions; not held by itself",
  into: contentTypes,
  isKnownByName: true,
  fields: { app_label: permissionPart },
  notHeld: { model: "userd takes from a content type the label of its app" },
  row: (columns) => columns,
});
