// The server under test as Connect's conformance runner knows it: it asks on standard input and is told an address on
// standard output, which is the argument here. The server itself is open already, in the process of the test.
process.stdin.once("data", () => process.stdout.write(Buffer.from(process.argv[2] ?? "", "base64")));
// Until the runner ends it.
setInterval(() => {}, 60_000);
