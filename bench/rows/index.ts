import type { Row } from "../bench.ts";
import { batchGetOptions } from "./batch-get-options.ts";
import { getOption } from "./get-option.ts";
import { setOption } from "./set-option.ts";

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [getOption, setOption, batchGetOptions];
