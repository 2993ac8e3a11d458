/** Protects: a host reaches its repository as settings say, through a proxy and by certificates of its own authority. */
import { expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { TestAuthority } from "../../../test/worlds/network/certificates.ts";
import { testMachines, testRepository, type TestRepository } from "../../../test/worlds/update/update-repository.ts";
import { testSystem } from "../../../test/worlds/host/system.ts";
import type { UpdateMirror } from "./mirror.ts";
import { refreshTrust, shippedRootPath } from "./trusted-repository.ts";

const signal = new AbortController().signal;

async function versionsAt(repository: TestRepository, mirror: Partial<UpdateMirror>): Promise<string[]> {
  await using host = await testSystem({ startsAt: new Date() });
  await host.write(shippedRootPath, repository.rootJson);
  const { manifest } = await refreshTrust(host.system, { ...repository.mirror, ...mirror }, new Date(0), signal);
  return manifest.updates.map(({ version }) => version);
}

/** Where the repository is below another origin. */
function below(origin: string): Pick<UpdateMirror, "metadata" | "targets"> {
  const { variant, arch } = testMachines;
  return { metadata: new URL(`${origin}/metadata/${variant}/${arch}`), targets: new URL(`${origin}/targets`) };
}

test("a proxy is asked for a host that only it knows, and not for one that no-proxy lists", async () => {
  await using repository = await testRepository();
  await repository.publish("1.1.0");
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const wanted = new URL(request.url ?? "");
    requests.push(wanted.host);
    void fetch(new URL(wanted.pathname, repository.url)).then(async (answer) => {
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const through = { ...below("http://updates.invalid"), proxy: `http://127.0.0.1:${port}` };
    expect(await versionsAt(repository, through)).toEqual(["1.1.0"]);
    expect(new Set(requests)).toEqual(new Set(["updates.invalid"]));
    const directly = versionsAt(repository, { ...through, noProxy: [".invalid"] });
    await expect(directly).rejects.toMatchObject({ code: "repository-unreachable" });
  } finally {
    server.close();
  }
}, 60_000);

test("a server is trusted for the certificate of an authority that settings name, and for no other", async () => {
  await using repository = await testRepository();
  await repository.publish("1.1.0");
  const [ours, stranger] = [await TestAuthority.make("ours"), await TestAuthority.make("other")];
  const { certificate, key } = await ours.server(["localhost"]);
  using server = Bun.serve({
    port: 0,
    hostname: "localhost",
    tls: { cert: certificate, key },
    async fetch(request) {
      const file = Bun.file(join(repository.directory, new URL(request.url).pathname));
      return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
    },
  });
  const local = below(`https://localhost:${server.port}`);
  expect(await versionsAt(repository, { ...local, authorities: ours.pem })).toEqual(["1.1.0"]);
  for (const authorities of [stranger.pem, undefined]) {
    const refused = versionsAt(repository, { ...local, authorities });
    await expect(refused).rejects.toMatchObject({ code: "repository-unreachable" });
  }
}, 60_000);
