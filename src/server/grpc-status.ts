import type { OutgoingHttpHeaders } from "node:http2";
import { type MessageShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import { asBuffer } from "./codec.ts";
import { Code, StatusError } from "./interceptors/status.ts";

const detailsKey = "grpc-status-details-bin";

/** Converts a status to the object that grpc-js sends as a status; the error details go into the trailer `grpc-status-details-bin`. */
export const toGrpcStatus = ({ code, message, details, trailers }: StatusError): StatusObject => {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  const status: MessageShape<typeof StatusSchema> = {
    $typeName: "google.rpc.Status",
    code,
    message,
    details: details.map(({ desc, value }) => anyPack(desc, value)),
  };
  metadata.set(detailsKey, asBuffer(toBinary(StatusSchema, status)));
  return { code, details: message, metadata };
};

/** Makes the status to send for an error: the interceptor `errors` throws nothing but a StatusError; anything else is a fault of interceptors. */
export const refusalOf = (error: unknown): StatusObject | { readonly code: Code; readonly details: string } =>
  error instanceof StatusError ? toGrpcStatus(error) : { code: Code.INTERNAL, details: "" };

/** The headers of a metadata. gRPC wants binary ones without the padding that grpc-js gives them. */
const headersOf = (metadata: Metadata | undefined): OutgoingHttpHeaders => {
  const headers: OutgoingHttpHeaders = metadata?.toHttp2Headers() ?? {};
  const details = headers[detailsKey];
  return details === undefined ? headers : { ...headers, [detailsKey]: String(details).replace(/=+$/, "") };
};

/** Converts a status to an answer of headers alone, which are the trailers too. */
export const headersAlone = ({
  code,
  details,
  metadata,
}: ReturnType<typeof refusalOf> & { readonly metadata?: Metadata }): OutgoingHttpHeaders => ({
  ":status": 200,
  "content-type": "application/grpc+proto",
  "grpc-status": code,
  "grpc-message": encodeURI(details),
  ...headersOf(metadata),
});
