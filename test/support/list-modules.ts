// For `node --import`: when the process ends, it writes the addresses of the modules that it has loaded into MODULES_FILE.
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";

const loaded: string[] = [];
registerHooks({
  load: (url, context, next) => {
    loaded.push(url);
    return next(url, context);
  },
});
process.on("exit", () => writeFileSync(process.env["MODULES_FILE"] ?? "", loaded.join("\n")));
