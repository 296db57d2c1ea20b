import { print } from "../print.ts";
import { receiptsOfSettings } from "./receipts.ts";

/** Prints the public key by which receipts are checked. */
export const run = async (): Promise<void> => {
  print(`${Buffer.from(receiptsOfSettings().publicKey).toString("base64")}\n`);
};
