import Table from "cli-table3";
import { inOneLine, print } from "./print.ts";

const bare = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Formats a table for people, without lines between rows and columns, so that awk can split it too. */
export const formatTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const table = new Table({ head: [...head], chars: bare, style: { head: [], border: [], "padding-left": 0, "padding-right": 0 } });
  table.push(...rows.map((row) => row.map(inOneLine)));
  return table.toString().replaceAll(/ +$/gm, "");
};

/** Prints a table to standard output. */
export const printTable = (head: readonly string[], rows: readonly (readonly string[])[]): void => {
  print(`${formatTable(head, rows)}\n`);
};
