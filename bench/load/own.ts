import { fileURLToPath } from "node:url";
import { runNode } from "../child.ts";
import { type LoadGenerator, type LoadResult, warmUpMs } from "./load.ts";

/** What client.ts is told. */
export type ClientJob = {
  readonly address: string;
  readonly path: string;
  readonly connections: number;
  readonly streams: number;
  readonly milliseconds: number;
  readonly warmUpMs: number;
  readonly bodies: readonly { readonly base64: string; readonly stampAt?: number | undefined }[];
};

const client = fileURLToPath(new URL("client.ts", import.meta.url));

/** Our own client over node:http2: it varies what it sends and looks at the status of every call. */
export const createOwnClient = (cpus: string | undefined): LoadGenerator => ({
  name: "our own client over node:http2",
  run: ({ bodies, ...target }, { seconds }) => {
    const job: ClientJob = {
      ...target,
      milliseconds: seconds * 1_000,
      warmUpMs,
      bodies: bodies.map(({ bytes, stampAt }) => ({ base64: Buffer.from(bytes).toString("base64"), stampAt })),
    };
    return runNode<LoadResult>(client, { cpus, job });
  },
});
