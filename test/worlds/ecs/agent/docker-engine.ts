/** The few calls of the Docker Engine API that the stand-in makes; version 1.41, at its socket. */
import { messageOf } from "../../../../lib/failure.ts";
import { z } from "zod";

const socket = "/run/docker.sock";
const Created = z.looseObject({ Id: z.string() });

export class DockerEngine {
  readonly #credentials: Readonly<Record<string, { auth: string }>>;

  /** @param credentials by host, as in the file .dockercfg */
  constructor(credentials: Readonly<Record<string, { auth: string }>>) {
    this.#credentials = credentials;
  }

  /** Pulls, creates and starts a container; gives its id. */
  async run(task: string, { name, image, command }: { name: string; image: string; command?: string[] | undefined }) {
    const pulled = await this.#ask("POST", `/images/create?fromImage=${encodeURIComponent(image)}`, undefined, image);
    const failure = /"error":"([^"]+)"/.exec(pulled)?.[1];
    if (failure !== undefined) throw new Error(`cannot pull ${image}: ${failure}`);
    const created = await this.#ask("POST", "/containers/create", {
      Image: image,
      Labels: { "com.amazonaws.ecs.task-arn": task, "com.amazonaws.ecs.container-name": name },
      ...(command === undefined ? {} : { Cmd: command }),
    });
    const { Id } = Created.parse(JSON.parse(created));
    await this.#ask("POST", `/containers/${Id}/start`);
    return Id;
  }

  /** Takes images in from an archive. @returns why an image is not there then; undefined when it is */
  async load(path: string, image: string): Promise<string | undefined> {
    try {
      const answer = await fetch("http://docker/v1.41/images/load?quiet=1", {
        method: "POST",
        unix: socket,
        headers: { "content-type": "application/x-tar" },
        body: Bun.file(path),
      });
      const progress = await answer.text();
      if (!answer.ok || progress.includes('"error"')) return progress.trim();
      await this.#ask("GET", `/images/${image}/json`);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async stop(id: string): Promise<void> {
    await this.#ask("POST", `/containers/${id}/stop?t=2`);
  }

  async #ask(method: string, path: string, body?: object, image?: string): Promise<string> {
    const basic = this.#credentials[image?.split("/")[0] ?? ""]?.auth;
    const [, username, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(basic ?? "", "base64").toString()) ?? [];
    // Docker wants it padded, and without a word pulls as nobody otherwise.
    const auth = Buffer.from(JSON.stringify({ username, password }))
      .toString("base64")
      .replaceAll("+", "-")
      .replaceAll("/", "_");
    const answer = await fetch(`http://docker/v1.41${path}`, {
      method,
      unix: socket,
      headers: { "content-type": "application/json", ...(basic === undefined ? {} : { "x-registry-auth": auth }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Docker Engine answers ${answer.status} to ${method} ${path}: ${text.trim()}`);
    return text;
  }
}
