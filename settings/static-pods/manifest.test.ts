/** Protects: kubelet would only log that it cannot use a manifest; here it is a problem with a place, before. */
import { expect, test } from "bun:test";
import { everyVariant, modelNamed } from "../../test/worlds/host/models.ts";
import { checkDocument } from "../document/check.ts";
import type { Minor } from "../model/setting.ts";
import { podManifest, podReport } from "./manifest.ts";
import { podTypes } from "./pod.ts";

const good =
  "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: web\n      image: a/b:1\n";
const minors = new Set(
  everyVariant.flatMap(({ orchestrator }) => (orchestrator.kind === "kubernetes" ? [orchestrator.minor] : [])),
);
const encoded = (text: string | Uint8Array): string => Buffer.from(text).toString("base64");
const flaws = (text: string | Uint8Array, minor: Minor = "1.35"): string[] => podReport(encoded(text), minor).flaws;

/** A good pod with further lines in its spec and in its container. */
const pod = ({ spec = [], container = [] }: { spec?: string[]; container?: string[] }): string =>
  `${good}${container.map((line) => `      ${line}\n`).join("")}${spec.map((line) => `  ${line}\n`).join("")}`;

test("a pod in YAML or JSON is taken by every minor", () => {
  const object = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a.b", creationTimestamp: null },
    spec: { containers: [{ name: "c", image: "i" }], volumes: null, restartPolicy: "" },
    status: {},
  };
  for (const minor of minors) {
    for (const text of [
      good,
      JSON.stringify(object),
      `# a comment\n---\n${good}---\n`,
      `${good}---\n# nothing\n---\n`,
    ]) {
      expect(podReport(encoded(text), minor)).toMatchObject({
        flaws: [],
        dropped: text.startsWith("{") ? expect.any(Array) : [],
      });
    }
  }
});

test.each([
  ["", "it is empty"],
  ["---\n# nothing\n", "it is empty"],
  [`---\n---\n${good}`, "line 1, column 1: the first document is empty, and kubelet reads no other"],
  ["- a\n", "line 1, column 1: expected a mapping with apiVersion, kind, metadata and spec"],
  [good.replace("kind: Pod", "kind: Deployment"), "line 2, column 7: kind must be Pod"],
  [good.replace("apiVersion: v1\n", ""), "line 1, column 1: apiVersion must be v1"],
  [`${good}---\n${good}`, "line 9, column 1: only one document is used"],
  [good.replace("kind: Pod", "kind: Pod\nkind: Pod"), "line 3, column 1: Map keys must be unique"],
])("%j is no pod", (text, flaw) => {
  expect(flaws(text)).toEqual([flaw]);
  const result = podManifest.schema().safeParse(encoded(text));
  expect(result.error?.issues.map(({ message }) => message)).toEqual([
    `must be the manifest of a pod, in base64: ${flaw}`,
  ]);
});

test("broken YAML is told with line and column, and bytes that are no text too", () => {
  expect(flaws(good.replace("  name: web\nspec", "  name: [web\nspec"))).toEqual([
    expect.stringMatching(/^line \d+, column \d+: /),
  ]);
  expect(flaws(new Uint8Array([0xff, 0xfe]))).toEqual(["it is not UTF-8"]);
});

test.each([
  [
    good.replace("name: web\nspec", "name: Web_1\nspec"),
    'line 4, column 9: metadata.name must be a DNS domain in lower case, not "Web_1"',
  ],
  [good.replace("      image: a/b:1\n", ""), "line 7, column 7: spec.containers[0].image must be set"],
  [good.replace(/spec:[^]*/, "spec: {}\n"), "line 5, column 7: spec.containers must be set"],
  [
    pod({ spec: ["restartPolicy: Sometimes"] }),
    'line 9, column 18: spec.restartPolicy must be one of Always, OnFailure, Never, not "Sometimes"',
  ],
  [pod({ spec: ["hostNetwork: host"] }), 'line 9, column 16: spec.hostNetwork must be true or false, not "host"'],
  [
    pod({ container: ["args: --verbose"] }),
    'line 9, column 13: spec.containers[0].args must be a list, not "--verbose"',
  ],
  [pod({ container: ["args: [1]"] }), "line 9, column 14: spec.containers[0].args[0] must be text, not 1"],
  [
    pod({ container: ["ports: [{ containerPort: 70000 }]"] }),
    "line 9, column 32: spec.containers[0].ports[0].containerPort must be a whole number from 1 to 65535, not 70000",
  ],
  [
    pod({ container: ["resources: { limits: { memory: 1GB } }"] }),
    'line 9, column 38: spec.containers[0].resources.limits.memory must be a quantity such as 500m, 1.5 or 10Mi, not "1GB"',
  ],
  [
    pod({ container: ["resources: { limits: { cpu: 1 }, requests: { cpu: 1500m } }"] }),
    "line 9, column 57: spec.containers[0].resources.requests.cpu must not be above its limit, which is 1",
  ],
  [
    pod({ container: ["- name: web", "  image: c"].map((line) => line.replace("- ", "").trimStart()) }),
    "line 9, column 7: Map keys must be unique",
  ],
  [
    `${good}    - name: web\n      image: c\n`,
    'line 9, column 13: spec.containers[1].name must be unlike other containers\' names: "web" is there before',
  ],
  [
    pod({ spec: ["initContainers: [{ name: web, image: c }]"] }),
    'line 9, column 28: spec.initContainers[0].name must be unlike other containers\' names: "web" is there before',
  ],
  [
    pod({ container: ["volumeMounts: [{ name: data, mountPath: /data }]"] }),
    'line 9, column 30: spec.containers[0].volumeMounts[0].name must be one of volumes, not "data"',
  ],
  [
    pod({ spec: ["volumes: [{ name: data, emptyDir: {}, hostPath: { path: /data } }]"] }),
    "line 9, column 51: spec.volumes[0].hostPath must not be set beside emptyDir",
  ],
  [
    pod({ container: ["livenessProbe: { periodSeconds: 1 }"] }),
    "line 9, column 22: spec.containers[0].livenessProbe must have one of exec, grpc, httpGet, tcpSocket",
  ],
  [
    pod({ spec: ["volumes: [{ name: data, secret: { secretName: data } }]"] }),
    "line 9, column 35: spec.volumes[0].secret must not be set: kubelet has no objects of the cluster for static pods",
  ],
  [
    pod({
      spec: ['volumes: [{ name: d, downwardAPI: { items: [{ path: "", fieldRef: { fieldPath: metadata.name } }] } }]'],
    }),
    'line 9, column 55: spec.volumes[0].downwardAPI.items[0].path must be the path of a file that does not begin with a slash or have "..", not ""',
  ],
  [
    pod({ spec: ["tolerations: [{ operator: Equal, value: a }]"] }),
    "line 9, column 29: spec.tolerations[0].operator must be Exists because key is empty",
  ],
  [
    pod({ spec: ["hostNetwork: true"], container: ["ports: [{ containerPort: 80, hostPort: 81 }]"] }),
    "line 9, column 46: spec.containers[0].ports[0].hostPort must be containerPort because hostNetwork is true",
  ],
  [
    pod({ spec: ["hostAliases: [{ ip: 10.0.0.1, hostnames: [null] }]"] }),
    'line 9, column 45: spec.hostAliases[0].hostnames[0] must be a DNS domain in lower case, not ""',
  ],
  [
    pod({ spec: ["dnsPolicy: None"] }),
    "line 6, column 3: spec.dnsConfig must have nameservers because dnsPolicy is None",
  ],
  [
    pod({ spec: ["hostAliases: [{ ip: 10.0.0.1, hostnames: [A_b] }]"] }),
    'line 9, column 45: spec.hostAliases[0].hostnames[0] must be a DNS domain in lower case, not "A_b"',
  ],
])("%j is refused with its place", (text, flaw) => {
  expect(flaws(text)).toEqual([flaw]);
});

test("minors differ in what static pods may refer to, and in which fields there are", () => {
  const secret = pod({ spec: ["volumes: [{ name: data, secret: { secretName: data } }]"] });
  expect(flaws(secret, "1.20")).toEqual([]);
  const users = pod({ spec: ["hostUsers: false"] });
  expect(podReport(encoded(users), "1.35")).toMatchObject({ flaws: [], dropped: [] });
  expect(podReport(encoded(users), "1.20").dropped).toEqual([
    "line 9, column 14: spec.hostUsers is no field of Kubernetes 1.20",
  ]);
});

test("YAML is read as kubelet reads it", () => {
  const octal = pod({ spec: ["volumes: [{ name: d, downwardAPI: { defaultMode: 0644 } }]"] });
  expect(flaws(octal)).toEqual([]);
  expect(flaws(pod({ spec: ["restartPolicy: no"] }))).toHaveLength(1);
  expect(flaws(pod({ container: ["args: [12:30, 2024-01-31]"] }))).toEqual([]);
  expect(flaws(pod({ container: ["env: &env [{ name: A, value: b }]", "command: [a]"] }))).toEqual([]);
});

test("check says where the setting is and where in the manifest it goes wrong", () => {
  const document = (text: string): string =>
    `[settings.kubernetes.static-pods.web]\nenabled = true\nmanifest = "${encoded(text)}"\n`;
  const key = "settings.kubernetes.static-pods.web.manifest";
  const refused = checkDocument(document(good.replace("kind: Pod", "kind: Job")), modelNamed("metal-k8s-1.20"));
  expect(refused.problems).toMatchObject([
    { line: 3, key, message: expect.stringContaining("line 2, column 7: kind must be Pod") },
  ]);
  const sometimes = checkDocument(document(pod({ spec: ["restartPolicy: Sometimes"] })), modelNamed("metal-k8s-1.20"));
  expect(sometimes.problems).toMatchObject([
    {
      key,
      message: expect.stringContaining(
        "must be a pod that kubelet 1.20 can use: line 9, column 18: spec.restartPolicy",
      ),
    },
  ]);
  const misspelt = checkDocument(document(pod({ spec: ["restartpolicy: Never"] })), modelNamed("metal-k8s-1.35"));
  expect(misspelt.valid).toBe(true);
  expect(misspelt.warnings).toMatchObject([
    {
      key,
      message: `${key} has what kubelet leaves out: line 9, column 18: spec.restartpolicy is no field of Kubernetes 1.35; did you mean restartPolicy?`,
    },
  ]);
});

test("every minor of a variant has the types of its own", () => {
  expect(new Set([...minors].map(podTypes)).size).toBe(minors.size);
});
