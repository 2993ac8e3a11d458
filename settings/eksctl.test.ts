import { expect, test } from "bun:test";
import { checkDocument } from "./check.ts";
import { eksctlUserData } from "./eksctl.ts";
import { modelNamed } from "../test/models.ts";

const config = `apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: { name: production, region: us-west-2 }
nodeGroups:
  - name: web
    amiFamily: Bottlerocket
    bottlerocket:
      settings:
        motd: "hello"
        kubernetes:
          max-pods: 58
          node-labels: { "example.com/pool": web }
  - name: plain
`;

test("the settings of a node group become user data that a host takes", () => {
  const userData = eksctlUserData(config);
  expect(userData).toContain('motd = "hello"');
  expect(userData).toContain("max-pods = 58");
  expect(checkDocument(userData, modelNamed("aws-k8s-1.35"))).toMatchObject({ valid: true });
  expect(eksctlUserData(config, "web")).toBe(userData);
});

test("a group has to be named when several have settings", () => {
  const two = `${config}managedNodeGroups:\n  - name: batch\n    bottlerocket: { settings: { motd: b } }\n`;
  expect(() => eksctlUserData(two)).toThrow(
    expect.objectContaining({ code: "no-such-group", hint: expect.stringContaining("web, batch") }),
  );
  expect(eksctlUserData(two, "batch")).toBe('[settings]\nmotd = "b"\n');
});

test("what is missing or broken is told", () => {
  expect(() => eksctlUserData(config, "none")).toThrow("there is no node group none");
  expect(() => eksctlUserData(config, "plain")).toThrow("node group plain has no bottlerocket.settings");
  expect(() => eksctlUserData("kind: ClusterConfig\nnodeGroups: [\n")).toThrow(/line \d+, column \d+/);
  expect(() => eksctlUserData("kind: Cluster\n")).toThrow("cannot read the ClusterConfig");
});
