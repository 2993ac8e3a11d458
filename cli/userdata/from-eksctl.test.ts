import { expect, test } from "bun:test";
import { invoke } from "../../lib/command/command-line.ts";
import { orlop } from "../main.ts";

const words = ["userdata", "from-eksctl", "-"];

const config = `kind: ClusterConfig
metadata: { name: example }
nodeGroups:
  - name: web
    amiFamily: Bottlerocket
    minSize: 2
    bottlerocket:
      settings:
        kernel:
          lockdown: integrety
`;

test("settings that a host refuses are told with their place in the ClusterConfig", async () => {
  const { stderr, exitCode } = await invoke(await orlop(words), words, { stdin: config });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("-:10:11: settings.kernel.lockdown");
});

test("the user data is on standard output, and what is not in it on standard error", async () => {
  const good = config.replace("integrety", "integrity");
  const { stdout, stderr, exitCode } = await invoke(await orlop(words), words, { stdin: good });
  expect({ exitCode, stdout }).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('lockdown = "integrity"'),
  });
  expect(stderr).toContain("-:6:5: nodeGroups[0].minSize is what eksctl asks AWS for");
  expect(stderr).toContain("settings.kubernetes: cluster-name, api-server, cluster-certificate");
});
