import { expect, test } from "bun:test";
import { factsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { ecsCheck, ecsStatus } from "./ecs-agent.ts";

const facts = factsOf("aws-ecs-1");
const signal = AbortSignal.timeout(60_000);

async function statusWhen(answer: () => Response | Promise<Response>) {
  const asked: string[] = [];
  await using host = await testSystem({
    fetch: async (url) => {
      asked.push(String(url));
      return await answer();
    },
  });
  const status = await ecsStatus(host.system, facts, signal);
  expect(asked).toEqual(["http://127.0.0.1:51678/v1/metadata"]);
  expect(await ecsCheck(host.system, facts)?.(signal)).toEqual(status?.reasons);
  return status;
}

test("an instance is ready when its agent is registered, and says where and as what", async () => {
  const arn = "arn:aws:ecs:eu-west-1:1:container-instance/boats/7";
  const answer = { Cluster: "boats", ContainerInstanceArn: arn, Version: "Amazon ECS Agent - v1.100.0 (1)" };
  expect(await statusWhen(() => Response.json(answer))).toEqual({
    cluster: "boats",
    containerInstance: arn,
    agent: "Amazon ECS Agent - v1.100.0 (1)",
    ready: true,
    reasons: [],
  });
});

test("an agent that is not registered, ill, or away is a reason, and no failure of the status", async () => {
  const unregistered = { Cluster: "boats", ContainerInstanceArn: null, Version: "v1" };
  expect(await statusWhen(() => Response.json(unregistered))).toMatchObject({
    ready: false,
    reasons: ["the instance has not registered with the cluster boats yet"],
  });
  expect(await statusWhen(() => new Response("", { status: 500 }))).toMatchObject({
    reasons: ["the ECS agent answers 500"],
  });
  expect(await statusWhen(() => Response.json([1]))).toMatchObject({
    reasons: ["the ECS agent's answer cannot be read"],
  });
  expect(await statusWhen(() => new Response("<html>"))).toMatchObject({
    ready: false,
    reasons: [expect.stringContaining("the ECS agent does not answer")],
  });
  const refused = await statusWhen(async () => await Promise.reject(new Error("connection refused")));
  expect(refused).toEqual({ ready: false, reasons: ["the ECS agent does not answer: connection refused"] });
});

test("hosts of other orchestrators ask no agent", async () => {
  await using host = await testSystem({ fetch: async () => await Promise.reject(new Error("asked")) });
  expect(await ecsStatus(host.system, factsOf("dev"), signal)).toBeUndefined();
  expect(ecsCheck(host.system, factsOf("dev"))).toBeUndefined();
});
