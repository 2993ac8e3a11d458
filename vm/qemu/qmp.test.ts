import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseForwardedPorts, Qmp } from "./qmp.ts";

const greeting =
  '{"QMP": {"version": {"qemu": {"micro": 13, "minor": 0, "major": 10}, "package": "Debian 1:10.0.13"}, "capabilities": ["oob"]}}';
const usernet =
  "Hub -1 (net0):\\r\\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\\r\\n" +
  "  TCP[TIME_WAIT]     19  169.254.169.15 57874 169.254.169.254    80     0     0\\r\\n" +
  "  TCP[HOST_FORWARD]  11       127.0.0.1 41547  169.254.169.15  8443     0     0\\r\\n";

const registers =
  "\\r\\nCPU#0\\r\\nRAX=0000000000000001 RBX=0000000000000000\\r\\nRIP=ffffffff81e2c04b RFL=00000246 CPL=0 HLT=1\\r\\n" +
  "CR0=80050033\\r\\n\\r\\nCPU#1\\r\\nEIP=000fd0ae EFL=00000006 CPL=0 HLT=0\\r\\n";

const opened: { server: Server; directory: string; sockets: Socket[] }[] = [];
afterEach(async () => {
  for (const { server, directory, sockets } of opened.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  }
});

/** Listens like QEMU: greets, then answers every line that it receives with the next of `answers`. */
async function qemu(answers: readonly string[], first = greeting): Promise<{ path: string; received: string[] }> {
  const received: string[] = [];
  const sockets: Socket[] = [];
  const directory = await mkdtemp(join(tmpdir(), "qmp-"));
  const remaining = [...answers];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.write(`${first}\r\n`);
    socket.on("data", (data) => {
      for (const line of data.toString().trim().split("\n")) {
        received.push(line);
        const answer = remaining.shift();
        if (answer === undefined) socket.end();
        else socket.write(answer);
      }
    });
  });
  opened.push({ server, directory, sockets });
  const path = join(directory, "qmp.sock");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { path, received };
}

test("a command is sent after the capabilities and its answer returned", async () => {
  const { path, received } = await qemu(['{"return": {}}\r\n', '{"return": {"status": "running"}}\r\n']);
  await using qmp = await Qmp.connect(path);
  expect(await qmp.execute("query-status")).toEqual({ status: "running" });
  expect(received).toEqual([
    '{"execute":"qmp_capabilities","arguments":{}}',
    '{"execute":"query-status","arguments":{}}',
  ]);
});

test("events between command and answer are passed over, and lines may come in pieces", async () => {
  const event = '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RESET", "data": {"guest": false}}\r\n';
  const { path } = await qemu(['{"return": {}}\r\n', `${event}${event}{"ret`]);
  await using qmp = await Qmp.connect(path);
  const answer = qmp.execute("system_reset");
  setTimeout(() => opened[0]?.sockets[0]?.write('urn": {}}\r\n'), 20);
  expect(await answer).toEqual({});
});

test("a refusal carries what QEMU says", async () => {
  const refusal = '{"error": {"class": "CommandNotFound", "desc": "The command dance has not been found"}}\r\n';
  const { path } = await qemu(['{"return": {}}\r\n', refusal]);
  await using qmp = await Qmp.connect(path);
  await expect(qmp.execute("dance")).rejects.toMatchObject({
    code: "qmp-failed",
    message: "cannot run dance in QEMU: The command dance has not been found",
  });
});

test("a QEMU that goes away fails the command at once, and quits well", async () => {
  const { path } = await qemu(['{"return": {}}\r\n']);
  await using qmp = await Qmp.connect(path);
  await qmp.quit();
  await expect(qmp.execute("query-status")).rejects.toMatchObject({ code: "qmp-failed" });
});

test("whoever greets otherwise is not QEMU", async () => {
  const { path } = await qemu([], "SSH-2.0-OpenSSH_9.9");
  await expect(Qmp.connect(path)).rejects.toMatchObject({ code: "qmp-failed" });
});

test("nobody listening is told with the path", async () => {
  await expect(Qmp.connect("/nowhere/qmp.sock")).rejects.toMatchObject({
    code: "cannot-connect",
    message: "cannot connect to /nowhere/qmp.sock",
  });
});

test("the ports that the kernel chose are read from the table of connections", async () => {
  const { path } = await qemu(['{"return": {}}\r\n', `{"return": "${usernet}"}\r\n`]);
  await using qmp = await Qmp.connect(path);
  expect(await qmp.forwardedPorts()).toEqual(new Map([[8443, 41547]]));
  expect(parseForwardedPorts("")).toEqual(new Map());
});

test("where the processors are is read from the registers of each", async () => {
  const { path } = await qemu(['{"return": {}}\r\n', `{"return": "${registers}"}\r\n`]);
  await using qmp = await Qmp.connect(path);
  expect(await qmp.processors()).toEqual([
    "CPU#0",
    "RIP=ffffffff81e2c04b RFL=00000246 CPL=0 HLT=1",
    "CPU#1",
    "EIP=000fd0ae EFL=00000006 CPL=0 HLT=0",
  ]);
});

test("a QEMU that dies while it is greeted is a failure, not a crash", async () => {
  const { path } = await qemu([]);
  opened[0]?.server.on("connection", (socket) => socket.on("data", () => socket.resetAndDestroy()));
  await expect(Qmp.connect(path)).rejects.toMatchObject({ code: "qmp-failed" });
});
