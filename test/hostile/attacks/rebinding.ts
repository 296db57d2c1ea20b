import { request } from "node:http";
import { type Attack, forSeconds, type Target } from "../attack.ts";

const call = (target: Target, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve) => {
    const sent = request(
      {
        ...target.address("http"),
        path: "/userd.v1.UserOptionService/GetOption",
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
      },
      (response) => response.resume().on("end", () => resolve(response.statusCode ?? 0)),
    );
    sent.on("error", () => resolve(0)).end(JSON.stringify({ userId: String(target.userId), key: "timezone" }));
  });

/** What a browser sends for a page of another origin. */
const requests = (port: number): readonly Record<string, string>[] => [
  // A name of the attacker's that resolves to 127.0.0.1: to the browser the page and the service are one origin.
  { host: `evil.example:${port}`, origin: `http://evil.example:${port}` },
  { host: `evil.example:${port}` },
  { host: `localhost.evil.example:${port}` },
  { host: `127.0.0.1.evil.example:${port}` },
  // A page elsewhere that calls the service by its address.
  { host: `127.0.0.1:${port}`, origin: "http://evil.example" },
  { host: `localhost:${port}`, origin: "null" },
  { host: `localhost:${port}`, origin: "http://localhost.evil.example" },
];

/** A page of another origin, on a service that asks for no credentials. */
export const rebinding: Attack = {
  name: "rebinding",
  about: "a web page of another origin, also under a name that resolves to 127.0.0.1, calls a service that asks for no credentials",
  settings: { TOKEN_FILE: "" },
  run: async (target, strength) => {
    const { port } = target.address("http");
    const statuses: number[] = [];
    await forSeconds(strength.of(1, 3), async () => {
      statuses.push(...(await Promise.all(requests(port).map((headers) => call(target, headers)))));
    });
    const own = await call(target, { host: `localhost:${port}` });
    return [
      { name: "answered_to_the_page", value: statuses.filter((status) => status === 200).length, bound: 0 },
      { name: "answered_to_localhost", value: own === 200 ? 1 : 0, bound: 1, atLeast: true },
    ];
  },
};
