import { expect, test } from "bun:test";
import { chainIds } from "../image.ts";
import { labelsOf } from "./labels.ts";
import { parseReference } from "../registry/reference.ts";
import { specOf } from "./spec.ts";

const image = { Entrypoint: ["/sbin/start"], Cmd: ["usual"], Env: ["PATH=/bin"] };

function spec(type: "host" | "bootstrap", superpowered: boolean) {
  const description = { type, name: "one", source: "registry.example.com/one:v1", superpowered, api: "admin" } as const;
  return specOf({
    description,
    image,
    environment: { HTTPS_PROXY: "http://proxy.example.com" },
    labelled: true,
  });
}

test.each([
  ["plain", "host", false],
  ["superpowered", "host", true],
  ["bootstrap", "bootstrap", false],
] as const)("the specification of a %s container", (_name, type, superpowered) => {
  expect(spec(type, superpowered)).toMatchSnapshot();
});

test("a container finds its programs when its image does not say where they are", () => {
  const description = { type: "host", name: "one", source: "", superpowered: false, api: "none" } as const;
  const { process } = specOf({ description, image: { Env: ["A=1"] }, environment: {}, labelled: true });
  expect(process.env).toEqual(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1"]);
});

test.each(["read-only", "operator", "admin", "none"] as const)("a container whose role is %s", (api) => {
  const description = { type: "host", name: "one", source: "", superpowered: true, api } as const;
  const { mounts } = specOf({ description, image, environment: {}, labelled: true });
  const client = mounts.map(({ destination }) => destination).filter((path) => /api\.sock|apiclient/.test(path));
  expect(client).toEqual(api === "none" ? [] : ["/run/api.sock", "/usr/local/bin/apiclient"]);
});

test("a bootstrap container is never superpowered", () => {
  expect(spec("bootstrap", true)).toEqual(spec("bootstrap", false));
});

test("what a bootstrap container mounts where containers keep their data is seen by the host", () => {
  const description = { type: "bootstrap", name: "one", source: "", superpowered: false, api: "none" } as const;
  const { mounts } = specOf({
    description,
    image,
    environment: {},
    labelled: true,
    prepared: ["/var/lib/kubelet"],
  });
  expect(mounts).toContainEqual({
    destination: "/.bottlerocket/rootfs/var/lib/kubelet",
    type: "bind",
    source: "/var/lib/kubelet",
    options: ["rbind", "rshared"],
  });
});

test.each(["host", "bootstrap"] as const)(
  "a %s container trusts whom the host trusts, and cannot change that",
  (type) => {
    const trusted = spec(type, false).mounts.filter(({ source }) => source === "/etc/ssl/certs/ca-certificates.crt");
    expect(trusted.map(({ destination, options }) => [destination, ...options])).toEqual([
      ["/.bottlerocket/certs/ca-bundle.crt", "rbind", "ro"],
      ["/usr/share/orlop/ca-bundle.crt", "rbind", "ro"],
    ]);
  },
);

test("a plain container sees nothing of the host but what it is given", () => {
  const { mounts, linux } = spec("host", false);
  expect(mounts.some(({ source }) => source === "/" || source === "/dev")).toBe(false);
  expect(linux.namespaces).toContainEqual({ type: "pid" });
});

test.each([
  ["busybox", "docker.io/library/busybox:latest"],
  ["team/tool:v1", "docker.io/team/tool:v1"],
  ["localhost:5000/tool", "localhost:5000/tool:latest"],
  ["10.0.2.2:5000/a/b:c", "10.0.2.2:5000/a/b:c"],
  [`registry.example.com/tool@sha256:${"0".repeat(64)}`, `registry.example.com/tool@sha256:${"0".repeat(64)}`],
])("%s is called %s", (text, name) => {
  expect(parseReference(text).name).toBe(name);
});

test.each(["", "Tool:v1", "registry.example.com/tool@md5:00", "a b", "https://registry.example.com/tool"])(
  "%p is no name of an image",
  (text) => expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "bad-image-reference" })),
);

test("a chain names each layer by all that is below it", () => {
  const [first = "", two = ""] = chainIds(["sha256:a", "sha256:b"]);
  expect(first).toBe("sha256:a");
  expect(two).toMatch(/^sha256:[0-9a-f]{64}$/);
});

const labelled = (name: string, superpowered = false) => labelsOf({ type: "host", name, superpowered });

test("a host container runs with two categories of its own, which its files have too", () => {
  const { process, files } = labelled("admin");
  expect(process).toMatch(/^system_u:system_r:control_t:s0:c\d+,c\d+$/);
  expect(files).toBe(process.replace("system_r:control_t", "object_r:secret_t"));
  expect(labelled("admin")).toEqual({ process, files });
});

test("no two of a hundred containers share their categories, and none has one category twice", () => {
  const levels = Array.from({ length: 100 }, (_, index) => labelled(`tool-${index}`).files);
  expect(new Set(levels).size).toBe(100);
  for (const level of levels) {
    const [first = NaN, second = NaN] = [...level.matchAll(/c(\d+)/g)].map(([, digits]) => Number(digits));
    expect(first).toBeLessThan(second);
    expect(second).toBeLessThan(1024);
  }
});

test("who may do more reaches every category, and keeps its files to itself", () => {
  expect(labelled("admin", true)).toEqual({
    process: "system_u:system_r:super_t:s0-s0:c0.c1023",
    files: labelled("admin").files,
  });
  const prepare = labelsOf({ type: "bootstrap", name: "admin", superpowered: false });
  expect(prepare.process).toBe("system_u:system_r:bootstrap_t:s0-s0:c0.c1023");
  expect(prepare.files).not.toBe(labelled("admin").files);
});
