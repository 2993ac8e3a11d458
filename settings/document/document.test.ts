import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { maxDocumentBytes } from "./document-text.ts";
import { parseDocument, readDocument } from "./document.ts";
import type { SettingsTree } from "../model/model.ts";
import { describeProblem, type Parsed } from "../model/problem.ts";

const model = modelNamed("dev");
const node = modelNamed("metal-k8s-1.20");

function problems(document: string | Uint8Array, of = model): string[] {
  const result = parseDocument(document, of);
  return result.ok ? [] : result.problems.map(describeProblem);
}

function warnings(document: string | Uint8Array): string[] {
  const result = parseDocument(document, model);
  return result.ok ? result.warnings.map(describeProblem) : ["refused"];
}

test("every mistake is found in one go, in the order of the document, with line and column", () => {
  const document = `[settings.kernel]
lockdown = "integrty"
modules.foo.allowd = true
[settings.ntp]
options = [
  "iburst",
  "a#b" ]
[settings.api.remote]
port = 110.0
enabled = 1979-05-27
[[settings.container-registry.mirrors]]
registry = "docker.io"
endpoints = []
`;
  expect(problems(document)).toEqual([
    'line 2, column 12: settings.kernel.lockdown must be one of none, integrity, confidentiality, not "integrty"; did you mean integrity?',
    "line 3, column 13: settings.kernel.modules.foo.allowd is no setting; did you mean allowed?",
    'line 7, column 3: settings.ntp.options[1] must be an option of chrony.conf such as iburst or minpoll 4, not "a#b"',
    "line 9, column 8: settings.api.remote.port must be a whole number from 1 to 65535, not 110.0",
    "line 10, column 11: settings.api.remote.enabled must be true or false, not 1979-05-27",
    "line 11, column 31: settings.container-registry.mirrors[0].endpoint is missing: it must be a list, each item a URL such as https://mirror.example.com; without a scheme it is https, on this very host http",
    'line 13, column 1: settings.container-registry.mirrors[0] has no key "endpoints", only registry, endpoint, capabilities',
  ]);
});

test("JSON has lines and columns too", () => {
  const document = `{
  "settings": {
    "kernel": { "lockdown": "None" },
    "motdd": "x"
  }
}`;
  expect(problems(document)).toEqual([
    'line 3, column 29: settings.kernel.lockdown must be one of none, integrity, confidentiality, not "None"; did you mean none?',
    "line 4, column 5: settings.motdd is no setting; did you mean motd?",
  ]);
});

describe("syntax", () => {
  test.each([
    ["[settings]\nmotd = ", "line 2, column 8: cannot read the document: invalid value"],
    [
      "[settings]\nmotd = 'a'\nmotd = 'b'",
      "line 3, column 1: cannot read the document: trying to redefine an already defined table or value",
    ],
    ["[settings\n", "line 1, column 10: cannot read the document"],
    ['{"settings": {}', "line 1, column 16: cannot read the document: close brace expected"],
    [
      '{"settings": {"motd": "a", "motd": "b"}}',
      'line 1, column 28: cannot read the document: the key "motd" is given twice',
    ],
    ["#!/bin/sh\necho hi\n", "line 2, column 6: cannot read the document"],
    ["<powershell>", "line 1, column 1: cannot read the document"],
    ["[1, 2]", "line 1, column 3: cannot read the document"],
  ])("%j is refused", (document, message) => {
    const [first, ...rest] = problems(document);
    expect(first).toStartWith(message);
    expect(rest).toEqual([]);
  });
});

describe("documents of other programs are named", () => {
  test.each([
    ['MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n--//\n', "a MIME archive"],
    ['Content-Type: multipart/mixed; boundary="X"\nMIME-Version: 1.0\n', "a MIME archive"],
    ["#cloud-config\nusers:\n  - default\n", "cloud-init's"],
    ["#!/bin/bash\n/etc/eks/bootstrap.sh example\n", "a script"],
    ["<powershell>\n</powershell>\n", "a script"],
    [Buffer.from("[settings]\nmotd = 'x'\n").toString("base64"), "base64"],
    ["settings:\n  motd: x\n", "YAML"],
    ["---\nsettings:\n  motd: x\n", "YAML"],
    ["variant: flatcar\nversion: 1.0.0\n", "YAML"],
  ])("%j", (document, name) => {
    const [first, ...rest] = problems(document);
    expect(first).toContain(`it looks like ${name}`);
    expect(first).toContain("expected TOML or JSON");
    expect(rest).toEqual([]);
  });

  test("a plain mistake is not taken for one of them", () => {
    expect(problems("[settings]\nmotd = \n")[0]).not.toContain("looks like");
  });
});

describe("the settings table", () => {
  test.each([
    [
      "[setings]\nmotd = 'x'",
      [
        "line 1, column 2: setings stands outside of settings, and the document has no [settings] table; did you mean settings?",
      ],
    ],
    [
      "[kubernetes]\na = 1",
      [
        "line 1, column 2: kubernetes stands outside of settings, and the document has no [settings] table; did you mean settings.kubernetes?",
      ],
    ],
    ["settings = 'x'", ['line 1, column 12: settings must be a table of settings, not "x"']],
    ['{"settings": null}', ["line 1, column 14: settings must be a table of settings, not null"]],
    ["[[settings]]\nmotd = 'x'", ["line 1, column 1: settings must be a table of settings, not a list"]],
  ])("%j is refused", (document, messages) => {
    expect(problems(document)).toEqual(messages);
  });

  test("other tables beside it are a warning", () => {
    expect(warnings("[settings]\nmotd = 'x'\n[other]\na = 1")).toEqual([
      "line 3, column 2: other is ignored: only settings is read",
    ]);
  });

  test("a document with only comments is a warning, an empty one is nothing", () => {
    expect(warnings("# nothing yet\n")).toEqual(["line 1, column 1: the document sets nothing"]);
    expect(warnings("{}")).toEqual(["line 1, column 1: the document sets nothing"]);
    expect(warnings("")).toEqual([]);
    expect(warnings(" \n\n")).toEqual([]);
    expect(warnings("[settings]\n")).toEqual([]);
  });

  test("a setting without effect is a warning at its place", () => {
    expect(warnings("[settings.oci-hooks]\nlog4j-hotpatch-enabled = true")).toEqual([
      "line 2, column 1: settings.oci-hooks.log4j-hotpatch-enabled has no effect: the patch is gone, as it is from Bottlerocket since 1.15",
    ]);
  });
});

describe("bytes", () => {
  const document = "[settings]\nmotd = 'ü'\n";

  test("gzip is detected, a byte order mark is no content", () => {
    const expected: Parsed<SettingsTree> = { ok: true, value: { motd: "ü" }, warnings: [] };
    expect(parseDocument(Buffer.from(document), model)).toEqual(expected);
    expect(parseDocument(gzipSync(document), model)).toEqual(expected);
    expect(parseDocument(Buffer.from(`\uFEFF${document}`), model)).toEqual(expected);
    expect(parseDocument(`\uFEFF${document}`, model)).toEqual(expected);
  });

  test("a byte order mark before JSON is no content either, and shifts no column", () => {
    const json = '{"settings": {"motd": "ü"}}';
    const expected: Parsed<SettingsTree> = { ok: true, value: { motd: "ü" }, warnings: [] };
    for (const text of [`\uFEFF${json}`, `\uFEFF\r\n${json}`]) {
      expect(parseDocument(text, model)).toEqual(expected);
      expect(parseDocument(Buffer.from(text), model)).toEqual(expected);
      expect(parseDocument(gzipSync(text), model)).toEqual(expected);
    }
    expect(problems('\uFEFF{"settings": {"motdd": 1}}')[0]).toStartWith("line 1, column 15: settings.motdd");
    expect(problems("\uFEFFmotd = 1")[0]).toStartWith("line 1, column 1: motd stands outside");
    expect(warnings("\uFEFF")).toEqual([]);
  });

  test.each([
    ["UTF-16, little end first", Buffer.from(`\uFEFF${document}`, "utf16le"), "UTF-16"],
    ["UTF-16, big end first", Buffer.from(`\uFEFF${document}`, "utf16le").swap16(), "UTF-16"],
    ["UTF-16 without a mark", Buffer.from("[settings]\n", "utf16le"), "NUL characters, as UTF-16 has"],
    ["UTF-16 of JSON, gzipped", gzipSync(Buffer.from('\uFEFF{"settings": {}}', "utf16le")), "UTF-16"],
    ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x5b, 0, 0, 0]), "UTF-32"],
  ])("%s is refused for what it is", (_, bytes, name) => {
    const [first, ...rest] = problems(bytes);
    expect(first).toMatch(/^line 1, column [12]: /);
    expect(first).toContain(name);
    expect(first).toContain("UTF-8");
    expect(rest).toEqual([]);
  });

  test("what is no UTF-8 is refused at its place", () => {
    expect(problems(Buffer.from(document, "latin1"))).toEqual([
      "line 2, column 9: the document holds bytes that are no UTF-8",
    ]);
    expect(problems("motd = '\ud800'")).toEqual(["line 1, column 9: the document holds half of a surrogate pair"]);
    expect(problems('{"settings": {"motd": "\\ud800"}}')[0]).toStartWith(
      "line 1, column 23: settings.motd must be text",
    );
  });

  test("broken gzip is refused", () => {
    expect(problems(gzipSync(document).subarray(0, 20))[0]).toStartWith(
      "line 1, column 1: cannot unzip the document: ",
    );
    expect(problems(Buffer.from([0x1f, 0x8b, 1, 2, 3]))[0]).toStartWith(
      "line 1, column 1: cannot unzip the document: ",
    );
  });

  test("what is too large is refused, before and after unzipping", () => {
    const tooLarge = ["line 1, column 1: the document is larger than 1048576 bytes"];
    const large = Buffer.alloc(maxDocumentBytes + 1, "#");
    expect(problems(large)).toEqual(tooLarge);
    expect(problems(large.toString())).toEqual(tooLarge);
    expect(problems(gzipSync(large))).toEqual(tooLarge);
    expect(problems(gzipSync(Buffer.alloc(100 * maxDocumentBytes)))).toEqual(tooLarge);
    expect(warnings(large.subarray(1))).toEqual(["line 1, column 1: the document sets nothing"]);
  });
});

describe("what would take long to refuse, if nothing limited it", () => {
  const many = (item: string, count: number): string =>
    Array.from({ length: count }, (_, index) => item.replace("N", `${index}`)).join("");
  test.each([
    ["unknown keys", `[settings.kubernetes]\n${many("keyN=1\n", 18_000)}`, 100],
    ["bad values", `[settings.kernel.sysctl]\n${many("keyN=1\n", 18_000)}`, 100],
    ["bad names", `[settings.host-containers]\n${many('"a bN"={}\n', 12_000)}`, 100],
    ["a long list of bad items", `[settings.network]\nno-proxy=[${many("1,", 100_000)}]`, 1],
    ["a long list within a list", `[settings.network]\nhosts=[["10.0.0.1",[${many("1,", 80_000)}]]]`, 1],
    ["a long version", `[settings.updates]\nversion-lock="1.2.3-${many("a.", 80_000)}!"`, 1],
    ["a long label", `[settings.kubernetes.node-labels]\n"${many("a.", 40_000)}"="x"`, 1],
    ["a long quantity", `[settings.kubernetes.kube-reserved]\ncpu="${many("1", 180_000)}x"`, 1],
    ["a long URL", `[settings.network]\nhttps-proxy="${many("a-", 80_000)}"`, 1],
    ["long base64", `[settings.host-containers.a]\nuser-data="${many("abcd", 40_000)}x"`, 1],
    ["beginnings of certificates", `[settings.pki.a]\ndata="${btoa(many("-----BEGIN A-----", 8000))}"`, 1],
  ])("%s", (_, document, count) => {
    const before = process.cpuUsage();
    expect(problems(document, node)).toHaveLength(count);
    const { user, system } = process.cpuUsage(before);
    // What takes longer than this takes more than linear time; a tenth is usual.
    expect((user + system) / 1000).toBeLessThan(3000);
  });

  test("a large valid document is read, unless it sets more than a host takes at once", () => {
    const document = (count: number): string => `[settings.kernel.sysctl]\n${many('"net.keyN"="N"\n', count)}`;
    expect(problems(document(10_000))).toEqual([]);
    expect(problems(document(10_001))).toEqual([
      "line 1, column 1: the document sets 10001 settings, at most 10000 fit into a host at once",
    ]);
  });
});

test("what a setting needs from another is told at the nearest place that is there", () => {
  const document = `[settings.motd]
[settings.kubernetes]
api-server = "https://api.example.com"
[settings.pki.own]
trusted = true
`;
  const needs = document.replace("[settings.motd]\n", "");
  expect(problems(needs, node)).toEqual([
    "line 3, column 15: settings.pki.own.data must be set because trusted is true",
    "line 1, column 11: settings.kubernetes.cluster-certificate must be set because api-server is set and authentication-mode is tls",
    "line 1, column 11: settings.kubernetes.bootstrap-token must be set because api-server is set and authentication-mode is tls",
  ]);
  expect(readDocument(needs, node)).toMatchObject({ ok: true });
  // A value that is wrong comes before what is missing.
  expect(problems(document, node)).toHaveLength(1);
});
