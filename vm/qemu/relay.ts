/**
 * Passes standard input and output to a TCP port of the loopback: QEMU starts one for each connection of a guest to the
 * metadata service. It imports nothing of ours, because it is run from a copy.
 */
import { connect } from "node:net";

const server = connect(Number(process.argv[2]), "127.0.0.1");
process.stdin.pipe(server);
server.pipe(process.stdout);
server.on("error", (error) => {
  process.stderr.write(`metadata relay: ${error.message}\n`);
  process.exit(1);
});
server.on("close", () => process.exit(0));
