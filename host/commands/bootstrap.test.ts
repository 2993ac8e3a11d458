import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { expect, test } from "bun:test";
import { hostSocket } from "../../api/host-socket.ts";
import { invoke } from "../../lib/command/command-line.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { hostPath } from "../machine/system.ts";
import { bootstrapProgram } from "./bootstrap.ts";

test.each(["too-busy", "stopping", "busy", "closed", undefined])(
  "a daemon that answers 503 with the code %p is asked again; any other refusal ends the program",
  async (code) => {
    await using host = await testSystem();
    await host.write("/usr/lib/os-release", "VARIANT_ID=dev\nVERSION_ID=0.1.0\nBUILD_ID=1\nPRETTY_NAME=x\n");
    const path = hostPath(host.system, hostSocket);
    await mkdir(dirname(path), { recursive: true });
    let requests = 0;
    const server = createServer((_request, response) => {
      const passing = code === undefined ? "upstream is away" : JSON.stringify({ code, message: "cannot answer yet" });
      const final = JSON.stringify({ code: "forbidden", message: "cannot answer at all" });
      requests++;
      response.writeHead(requests < 4 ? 503 : 403).end(requests < 4 ? passing : final);
    });
    server.listen(path);
    await once(server, "listening");
    try {
      const { stderr, exitCode } = await invoke(bootstrapProgram(host.system), ["run"]);
      expect([requests, stderr, exitCode]).toEqual([4, expect.stringContaining("cannot answer at all"), 1]);
    } finally {
      server.close();
    }
  },
);
