/** The real system against real programs, time and name servers. */
import { expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dnsOf, linuxSystem } from "./system.ts";

const system = linuxSystem();

test("a program gives its output, and its status and last words when it fails", async () => {
  expect(await system.run(["cat"], { stdin: "hello" })).toBe("hello");
  await expect(system.run(["cat", "/no/such/file"])).rejects.toThrow(/exited with 1: .*No such file/);
  await expect(system.run(["no-such-program"])).rejects.toThrow("cannot run no-such-program");
});

test("a program that takes too long is ended and said to be", async () => {
  const started = performance.now();
  await expect(system.run(["sleep", "60"], { limitMs: 100 })).rejects.toThrow(
    "cannot run sleep 60: not done after 0.1 s",
  );
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("a program ends with the signal of its caller, with that signal's reason", async () => {
  const stop = new AbortController();
  const running = system.run(["sleep", "60"], { signal: stop.signal });
  stop.abort(new Error("the daemon stops"));
  await expect(running).rejects.toThrow("the daemon stops");
});

test("the space of a file system is what programs may still take of it", async () => {
  const root = await mkdtemp(join(tmpdir(), "orlop-space-"));
  await system.run(["mount", "-t", "tmpfs", "-o", "size=4m", "orlop-test", root]);
  try {
    await writeFile(join(root, "three-quarters"), Buffer.alloc(3 * 1024 ** 2));
    const { device, ...space } = await linuxSystem(root).space("/three-quarters");
    expect(space).toEqual({ sizeBytes: 4 * 1024 ** 2, availableBytes: 1024 ** 2 });
    expect((await linuxSystem(root).space("/")).device).toBe(device);
    expect((await system.space("/")).device).not.toBe(device);
    await expect(linuxSystem(root).space("/none")).rejects.toThrow("ENOENT");
  } finally {
    await system.run(["umount", root]);
    await rm(root, { recursive: true });
  }
});

/** A name server that knows one name and one address, and how to say no. */
async function nameServer(): Promise<AsyncDisposable & { resolver: () => Promise<Resolver> }> {
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const type = question.readUInt16BE(question.length - 4);
    const name = question.toString("latin1");
    const data =
      type === 1 && name.includes("known")
        ? Buffer.from([10, 0, 0, 5])
        : type === 12 && name.includes("in-addr")
          ? Buffer.from("\x05known\x07example\x00", "latin1")
          : undefined;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(data === undefined ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(data === undefined ? 0 : 1, 6);
    header.writeUInt32BE(0, 8);
    const answer = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data?.length ?? 0]);
    socket.send(Buffer.concat([header, question, ...(data === undefined ? [] : [answer, data])]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    async resolver() {
      const resolver = new Resolver({ timeout: 500, tries: 1 });
      resolver.setServers([`127.0.0.1:${socket.address().port}`]);
      return resolver;
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  };
}

test("name servers are asked for addresses and names; what they do not know is empty", async () => {
  await using server = await nameServer();
  const dns = dnsOf(server.resolver);
  expect(await dns.addressesOf("known.example")).toEqual(["10.0.0.5"]);
  expect(await dns.addressesOf("other.example")).toEqual([]);
  expect(await dns.namesOf("10.0.0.5")).toEqual(["known.example"]);
});

test("a name server that does not answer knows nothing, within two seconds", async () => {
  const silent = createSocket("udp4");
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", resolve));
  const resolver = new Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([`127.0.0.1:${silent.address().port}`]);
  const dns = dnsOf(async () => resolver);
  const started = performance.now();
  expect(await dns.addressesOf("known.example")).toEqual([]);
  expect(performance.now() - started).toBeLessThan(2_000);
  silent.close();
});
