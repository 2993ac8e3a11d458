import { expect, test } from "bun:test";
import { imdsServer } from "../../test/worlds/host/imds.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { Imds } from "./imds.ts";

const { signal } = new AbortController();

test("one token serves many requests, and is fetched anew when it has run out", async () => {
  await using server = imdsServer();
  await using host = await testSystem({ fetch: server.fetch });
  server.answers.set("meta-data/hostname", "ip-10-0-0-5.ec2.internal");
  const imds = new Imds(host.system);
  expect(await imds.text("meta-data/hostname", signal)).toBe("ip-10-0-0-5.ec2.internal");
  expect(await imds.text("meta-data/hostname", signal)).toBe("ip-10-0-0-5.ec2.internal");
  server.forgetTokens();
  expect(await imds.text("meta-data/hostname", signal)).toBe("ip-10-0-0-5.ec2.internal");
  const path = "GET /2021-01-03/meta-data/hostname";
  const token = "PUT /latest/api/token";
  expect(server.requests).toEqual([token, path, path, path, token, path]);
});

test("what is not there is no failure", async () => {
  await using server = imdsServer();
  await using host = await testSystem({ fetch: server.fetch });
  expect(await new Imds(host.system).bytes("user-data", signal)).toBeUndefined();
});

test("a server error is tried again, three times in all", async () => {
  await using server = imdsServer();
  await using host = await testSystem({ fetch: server.fetch });
  server.answers.set("user-data", "x");
  const imds = new Imds(host.system);
  await imds.reachable(0, signal);
  server.failNext(500, 503);
  expect(await imds.text("user-data", signal)).toBe("x");
  server.failNext(500, 500, 500);
  await expect(imds.text("user-data", signal)).rejects.toThrow(
    "cannot read user-data from the metadata service: it answered 500",
  );
});

test("a network that comes up late is waited for, one that never does is not", async () => {
  await using server = imdsServer();
  let refusals = 5;
  const lateFetch: typeof server.fetch = async (url, init) => {
    if (refusals-- > 0) throw new TypeError("Unable to connect");
    return server.fetch(url, init);
  };
  await using host = await testSystem({ fetch: lateFetch });
  await new Imds(host.system).reachable(10_000, signal);
  refusals = 1000;
  const startedMs = host.system.clock.elapsedMs();
  const gaveUp = new Imds(host.system).reachable(10_000, signal);
  await expect(gaveUp).rejects.toThrow("cannot reach http://169.254.169.254/latest/api/token");
  expect(host.system.clock.elapsedMs() - startedMs).toBe(10_000);
});

test("a service that is switched off is said to be, at once", async () => {
  await using server = imdsServer({ disabled: true });
  await using host = await testSystem({ fetch: server.fetch });
  const refused = new Imds(host.system).reachable(60_000, signal);
  await expect(refused).rejects.toThrow("cannot get a token from the metadata service: it answered 403");
  expect(server.requests).toHaveLength(1);
});

test("an endless answer is cut off", async () => {
  await using server = imdsServer();
  await using host = await testSystem({ fetch: server.fetch });
  server.answers.set("user-data", new Uint8Array(1024 * 1024 + 1));
  await expect(new Imds(host.system).bytes("user-data", signal)).rejects.toThrow("longer than 1048576 bytes");
});

test("an abort ends the waiting with its reason", async () => {
  await using host = await testSystem({ fetch: () => Promise.reject(new TypeError("Unable to connect")) });
  const stop = new AbortController();
  const waiting = new Imds(host.system).reachable(60_000, stop.signal);
  stop.abort(new Error("shutting down"));
  await expect(waiting).rejects.toThrow("shutting down");
});
