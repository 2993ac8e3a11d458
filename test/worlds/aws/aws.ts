/**
 * AWS for tests: moto, and in front of it a proxy that does what moto 5.2.1 does not.
 *
 * | call | what moto lacks, and the proxy does |
 * | --- | --- |
 * | ebs StartSnapshot | the same ClientToken begins a second snapshot |
 * | ebs PutSnapshotBlock | takes any checksum |
 * | ebs CompleteSnapshot | takes any count of blocks and any checksum over all |
 * | ec2 DescribeSnapshots | calls a snapshot completed that is still being written |
 * | ec2 RegisterImage | keeps name and description, and forgets the rest; takes a snapshot that is not there |
 * | ec2 CopyImage | the same ClientToken makes a second copy; another account finds no image, though it was granted one |
 * | ec2 DescribeImages | so knows nothing of boot mode, TPM, IMDS, ENA and volumes; every image is available at once |
 *
 * All else, and who may do what with an image or a snapshot, is moto's.
 */
import { createHash } from "node:crypto";
import { startMoto } from "./moto.ts";
import { imagesAnswer, type RegisteredImage, registeredFrom, xmlError } from "./ec2-answers.ts";

type Snapshot = { blocks: Map<number, string>; bytes: Map<number, Uint8Array>; completed: boolean; polls: number };
type Call = { region: string; service: string; action: string; /** Of whoever signed it. */ accessKey: string };

export type SimulatedAws = AsyncDisposable & {
  readonly url: string;
  /** "ec2 RegisterImage eu-west-1", one for each request that was answered. */
  readonly calls: readonly string[];
  forgetCalls(): void;
  /** "ec2 RegisterImage", each once: all that were ever answered. */
  readonly everCalled: ReadonlySet<string>;
  /** Runs before each block is taken: to break an upload off, or to spoil its bytes. */
  beforeBlock: (body: Uint8Array, blocksSoFar: number) => Uint8Array | "throttle";
  image(region: string, id: string): RegisteredImage | undefined;
  /** What a snapshot holds, by block. */
  blocksOf(region: string, snapshot: string): ReadonlyMap<number, Uint8Array>;
};

/** How often an image or a snapshot is not ready yet when it is asked for. */
const pendingAnswers = 1;

export async function startAws(): Promise<SimulatedAws> {
  const moto = await startMoto();
  const world = new World(moto.url);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => await world.answer(request),
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    calls: world.calls,
    everCalled: world.everCalled,
    forgetCalls: () => void world.calls.splice(0),
    get beforeBlock() {
      return world.beforeBlock;
    },
    set beforeBlock(hook) {
      world.beforeBlock = hook;
    },
    image: (region, id) => world.images.get(`${region} ${id}`),
    blocksOf: (region, id) => world.snapshots.get(`${region} ${id}`)?.bytes ?? new Map(),
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      await moto[Symbol.asyncDispose]();
    },
  };
}

class World {
  readonly calls: string[] = [];
  readonly everCalled = new Set<string>();
  readonly snapshots = new Map<string, Snapshot>();
  readonly images = new Map<string, RegisteredImage>();
  /** Accounts that may start an image and so copy it, by region and image. */
  readonly #granted = new Map<string, Set<string>>();
  /** Accounts in which roles were assumed, by the key that came of it. */
  readonly #accounts = new Map<string, string>();
  /** Answers to calls with a ClientToken, which are given again. */
  readonly #answers = new Map<string, { body: string; status: number }>();
  readonly #moto: string;
  beforeBlock: SimulatedAws["beforeBlock"] = (body) => body;

  constructor(moto: string) {
    this.#moto = moto;
  }

  async answer(request: Request): Promise<Response> {
    const body = new Uint8Array(await request.arrayBuffer());
    const call = callOf(request, body);
    this.calls.push(`${call.service} ${call.action} ${call.region}`);
    this.everCalled.add(`${call.service} ${call.action}`);
    switch (call.service) {
      case "ebs":
        return await this.#ebs(request, body, call);
      case "ec2":
        return await this.#ec2(request, body, call);
      case "sts":
        return await this.#sts(request, body);
      default:
        return await this.#forward(request, body);
    }
  }

  async #forward(request: Request, body: Uint8Array): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    for (const name of ["host", "connection", "accept-encoding", "transfer-encoding"]) headers.delete(name);
    const answer = await fetch(`${this.#moto}${pathname}${search}`, {
      method: request.method,
      headers,
      ...(body.length === 0 ? {} : { body: Buffer.from(body) }),
    });
    const kept = new Headers(answer.headers);
    for (const name of ["content-length", "connection", "transfer-encoding"]) kept.delete(name);
    return new Response(await answer.arrayBuffer(), { status: answer.status, headers: kept });
  }

  async #ebs(request: Request, body: Uint8Array, { region, action }: Call): Promise<Response> {
    const path = new URL(request.url).pathname.split("/");
    if (action === "StartSnapshot") {
      const { ClientToken } = jsonOf(body);
      const answer = await this.#once(`${region} ${ClientToken}`, async () => await this.#forward(request, body));
      const { SnapshotId } = jsonOf(await answer.clone().bytes());
      const key = `${region} ${SnapshotId}`;
      if (!this.snapshots.has(key))
        this.snapshots.set(key, { blocks: new Map(), bytes: new Map(), completed: false, polls: 0 });
      return answer;
    }
    const snapshot = this.snapshots.get(`${region} ${path[action === "CompleteSnapshot" ? 3 : 2]}`);
    if (snapshot === undefined || snapshot.completed) return refusal("the snapshot is not being written");
    if (action === "PutSnapshotBlock") {
      const received = this.beforeBlock(body, snapshot.blocks.size);
      if (received === "throttle") return refusal("Rate exceeded", "RequestThrottledException");
      const checksum = createHash("sha256").update(received).digest("base64");
      if (request.headers.get("x-amz-checksum") !== checksum) return refusal("the block has another checksum");
      const index = Number(path[4]);
      snapshot.blocks.set(index, checksum);
      snapshot.bytes.set(index, received);
      return await this.#forward(request, received);
    }
    if (action !== "CompleteSnapshot") return await this.#forward(request, body);
    if (request.headers.get("x-amz-changedblockscount") !== String(snapshot.blocks.size)) {
      return refusal(`${snapshot.blocks.size} blocks were written`);
    }
    const whole = createHash("sha256");
    for (const [, checksum] of [...snapshot.blocks].toSorted(([a], [b]) => a - b))
      whole.update(Buffer.from(checksum, "base64"));
    if (request.headers.get("x-amz-checksum") !== whole.digest("base64"))
      return refusal("the snapshot has another checksum");
    snapshot.completed = true;
    return await this.#forward(request, body);
  }

  async #sts(request: Request, body: Uint8Array): Promise<Response> {
    const answer = await this.#forward(request, body);
    const text = await answer.clone().text();
    const [, key] = /<AccessKeyId>(\w+)</.exec(text) ?? [];
    const [, account] = /<Arn>arn:aws:sts::(\d{12}):assumed-role/.exec(text) ?? [];
    if (key !== undefined && account !== undefined) this.#accounts.set(key, account);
    return answer;
  }

  async #ec2(request: Request, body: Uint8Array, { region, action, accessKey }: Call): Promise<Response> {
    const form = new URLSearchParams(Buffer.from(body).toString());
    switch (action) {
      case "RegisterImage": {
        const image = registeredFrom(form);
        if (this.snapshots.get(`${region} ${image.snapshot}`)?.completed !== true) {
          return xmlError("InvalidSnapshot.NotFound", `The snapshot '${image.snapshot}' does not exist.`);
        }
        const answer = await this.#forward(request, body);
        this.images.set(`${region} ${imageIdIn(await answer.clone().text())}`, image);
        return answer;
      }
      case "CopyImage": {
        const source = this.images.get(`${form.get("SourceRegion")} ${form.get("SourceImageId")}`);
        const answer = await this.#once(
          `${region} ${form.get("ClientToken")}`,
          async () => await this.#copied(request, body, form, accessKey),
        );
        if (!answer.ok) return answer;
        const key = `${region} ${imageIdIn(await answer.clone().text())}`;
        // The snapshot of a copy is the one that moto made in that region.
        if (source !== undefined && !this.images.has(key))
          this.images.set(key, { ...source, snapshot: undefined, polls: 0 });
        return answer;
      }
      case "ModifyImageAttribute": {
        const image = `${region} ${form.get("ImageId")}`;
        const accounts = [...form].filter(([name]) => /^LaunchPermission\.Add\.\d+\.UserId$/.test(name));
        this.#granted.set(image, new Set([...(this.#granted.get(image) ?? []), ...accounts.map(([, id]) => id)]));
        return await this.#forward(request, body);
      }
      case "DescribeImages": {
        const answer = await this.#forward(request, body);
        if (!answer.ok) return answer;
        return imagesAnswer(await answer.text(), (id) => this.images.get(`${region} ${id}`), pendingAnswers);
      }
      case "DescribeSnapshots": {
        const answer = await this.#forward(request, body);
        const id = form.get("SnapshotId.1");
        const snapshot = this.snapshots.get(`${region} ${id}`);
        const ready = snapshot === undefined || (snapshot.completed && snapshot.polls++ >= pendingAnswers);
        const text = await answer.text();
        const reported = ready ? text : text.replaceAll("<status>completed</status>", "<status>pending</status>");
        return new Response(reported, { status: answer.status, headers: answer.headers });
      }
      default:
        return await this.#forward(request, body);
    }
  }

  /** Into the account that owns the image by moto; into another one as a new image there, when it may use this one. */
  async #copied(request: Request, body: Uint8Array, form: URLSearchParams, accessKey: string): Promise<Response> {
    const account = this.#accounts.get(accessKey);
    if (account === undefined) return await this.#forward(request, body);
    const source = `${form.get("SourceRegion")} ${form.get("SourceImageId")}`;
    if (this.#granted.get(source)?.has(account) !== true) {
      return xmlError("InvalidAMIID.Unavailable", `The image '${form.get("SourceImageId")}' is not available to you.`);
    }
    const fields = { Action: "RegisterImage", Version: "2016-11-15", RootDeviceName: "/dev/xvda" };
    const registration = new URLSearchParams({ ...fields, Name: form.get("Name") ?? "" });
    const made = await this.#forward(request, Buffer.from(registration.toString()));
    const text = (await made.text()).replaceAll("RegisterImageResponse", "CopyImageResponse");
    return new Response(text, { status: made.status, headers: made.headers });
  }

  async #once(token: string, work: () => Promise<Response>): Promise<Response> {
    const known = this.#answers.get(token);
    if (known !== undefined) return new Response(known.body, { status: known.status });
    const answer = await work();
    this.#answers.set(token, { body: await answer.clone().text(), status: answer.status });
    return answer;
  }
}

/** Region and service stand in the signature (AWS Signature Version 4), whatever the address is. */
function callOf(request: Request, body: Uint8Array): Call {
  const scope = /Credential=([^/]+)\/\d+\/([\w-]+)\/([\w-]+)\//.exec(request.headers.get("authorization") ?? "");
  const [, accessKey = "", region = "", service = ""] = scope ?? [];
  return { region, service, action: actionOf(request, service, body), accessKey };
}

function actionOf(request: Request, service: string, body: Uint8Array): string {
  if (service === "ssm") return request.headers.get("x-amz-target")?.split(".")[1] ?? "";
  if (service !== "ebs") return new URLSearchParams(Buffer.from(body).toString()).get("Action") ?? "";
  const { pathname } = new URL(request.url);
  if (request.method === "PUT") return "PutSnapshotBlock";
  if (request.method === "GET") return "GetSnapshotBlock";
  return pathname.includes("/completion/") ? "CompleteSnapshot" : "StartSnapshot";
}

function jsonOf(bytes: Uint8Array): Record<string, string> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the SDK and moto write, for tests
  return JSON.parse(Buffer.from(bytes).toString()) as Record<string, string>;
}

const imageIdIn = (xml: string): string => /<imageId>([^<]+)</.exec(xml)?.[1] ?? "";

function refusal(message: string, type = "ValidationException"): Response {
  return Response.json({ message, Message: message }, { status: 400, headers: { "x-amzn-errortype": type } });
}
