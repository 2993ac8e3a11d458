/** The least that answers a request: Bun's HTTP server with the same bytes every time. Arguments: socket, file. */
import { readFile } from "node:fs/promises";

const [socket = "", file = ""] = process.argv.slice(2);
const body = await readFile(file);
Bun.serve({
  unix: socket,
  fetch: () => new Response(body, { headers: { "content-type": "application/json" } }),
});
