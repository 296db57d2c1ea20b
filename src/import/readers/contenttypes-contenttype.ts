import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { permissionPart } from "./auth-permission.ts";

/** The staging table of a Django project's content types, whose apps are in the names of permissions. Content types are not stored. */
export const contentTypes = {
  name: "import_content_type",
  columns: { app_label: TEXT },
} as const satisfies StagingTable;

/** The import reader of `contenttypes.contenttype` records, which hold the models of a Django project and the apps that these belong to. */
export const contentType = defineReader({
  model: "contenttypes.contenttype",
  becomes: "the first half of the names of its permissions; not held by itself",
  into: contentTypes,
  isKnownByName: true,
  fields: { app_label: permissionPart },
  notHeld: { model: "userd takes from a content type the label of its app" },
  row: (columns) => columns,
});
