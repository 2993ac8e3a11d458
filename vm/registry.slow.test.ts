import { expect, test } from "bun:test";
import { join } from "node:path";
import { readdir, readFile } from "node:fs/promises";
import { busyboxImage } from "../test/worlds/containers/oci-image.ts";
import { startTestRegistry } from "../test/worlds/containers/registry.ts";

test("an image comes out of the registry as it was made", async () => {
  await using image = await busyboxImage({ entrypoint: ["/bin/sleep", "1d"] });
  await using registry = await startTestRegistry({ tls: false, auth: false });
  await registry.push(image.layout, "test/sleeper:v1");

  const accept = { headers: { accept: "application/vnd.oci.image.manifest.v1+json" } };
  const manifest = await fetch(`http://${registry.here}/v2/test/sleeper/manifests/v1`, accept);
  const digest = manifest.headers.get("docker-content-digest")?.replace("sha256:", "") ?? "";
  const blobs = join(image.layout, "blobs/sha256");
  expect(await readdir(blobs)).toContain(digest);
  expect(await manifest.text()).toBe(await readFile(join(blobs, digest), "utf8"));
});

test("the same content is the same image", async () => {
  await using first = await busyboxImage({ entrypoint: ["/bin/true"], files: { "/etc/motd": "hi\n" } });
  await using second = await busyboxImage({ entrypoint: ["/bin/true"], files: { "/etc/motd": "hi\n" } });
  expect(await readdir(join(first.layout, "blobs/sha256"))).toEqual(await readdir(join(second.layout, "blobs/sha256")));
});

test("with TLS and a password, the registry lets in who trusts its CA and knows the password, and nobody else", async () => {
  await using image = await busyboxImage({ entrypoint: ["/bin/true"] });
  await using registry = await startTestRegistry({ tls: true, auth: true });
  await registry.push(image.layout, "test/true:v1");

  const url = `https://${registry.here}/v2/test/true/manifests/v1`;
  await expect(fetch(url)).rejects.toThrow("certificate");
  const tls = { ca: Buffer.from(registry.pki["registry-of-tests"]?.data ?? "", "base64").toString() };
  expect((await fetch(url, { tls })).status).toBe(401);
  const { username, password } = registry.credential(registry.here);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const accept = "application/vnd.oci.image.manifest.v1+json";
  expect((await fetch(url, { tls, headers: { authorization, accept } })).status).toBe(200);
});
