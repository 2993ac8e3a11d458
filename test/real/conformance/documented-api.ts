/** An API whose every answer is checked against its own OpenAPI document. */
import { expect } from "bun:test";
import Ajv2020 from "ajv/dist/2020";
import { connect } from "../../../api/client/client.ts";
import { send, type HttpAnswer } from "../../../api/client/transport.ts";
import { defined } from "../../../lib/defined.ts";
import { assert } from "../../../lib/failure.ts";
import { isJsonObject, parseJson, type Json, type JsonObject } from "../../../lib/text/json.ts";

export type Called = { status: number; body: Json | string | undefined };

export class DocumentedApi {
  readonly document: JsonObject;
  readonly #socket: string;
  readonly #ajv = new Ajv2020({
    strict: false,
    formats: { "date-time": (text: string) => !Number.isNaN(Date.parse(text)) },
  });
  readonly #called = new Set<string>();

  private constructor(socket: string, document: JsonObject) {
    this.#socket = socket;
    this.document = document;
    this.#ajv.addSchema({ ...document, $id: "api" });
  }

  static async of(socket: string): Promise<DocumentedApi> {
    return new DocumentedApi(socket, await connect({ socket }).call("getOpenApi"));
  }

  /** Names of the document's operations that were called. */
  get called(): readonly string[] {
    return [...this.#called].toSorted();
  }

  /** Names of all operations. */
  get operations(): readonly string[] {
    const paths = Object.values(this.document["paths"] as { [path: string]: JsonObject });
    return paths.flatMap((path) => Object.values(path).map((operation) => nameOf(operation))).toSorted();
  }

  /** Calls, checks the answer against the document, and gives it. */
  async call(method: string, target: string, body?: Json, accept?: string): Promise<Called> {
    const answer = await send(
      { socket: this.#socket },
      {
        method,
        target,
        headers: { "content-type": "application/json", ...defined({ accept }) },
        body: body === undefined ? undefined : JSON.stringify(body),
      },
    );
    this.#check(method, target, answer);
    return { status: answer.status, body: bodyOf(answer) };
  }

  #check(method: string, target: string, answer: HttpAnswer): void {
    const [path = ""] = target.split("?");
    const pointer = ["paths", path, method.toLowerCase()];
    const operation = at(this.document, pointer);
    if (!isJsonObject(operation)) {
      expect([404, 405]).toContain(answer.status); // what is not in the document does not exist
      return;
    }
    this.#called.add(nameOf(operation));
    let place = [...pointer, "responses", String(answer.status)];
    const response = at(this.document, place);
    assert(
      isJsonObject(response),
      `${method} ${path} documents status ${answer.status}, body ${answer.body.slice(0, 200)}`,
    );
    if (typeof response["$ref"] === "string") place = response["$ref"].split("/").slice(1);
    if (answer.status === 204) {
      expect(answer.body).toBe("");
      return;
    }
    const [type = ""] = answer.contentType.split(";");
    const content = [...place, "content", type];
    assert(at(this.document, content) !== undefined, `${method} ${path} documents ${type} for status ${answer.status}`);
    const schema = [...content, "schema"];
    if (at(this.document, schema) === undefined) return; // a file, of which the document says no more than its type
    const validate = this.#ajv.getSchema(`api#/${schema.map(escaped).join("/")}`);
    assert(validate !== undefined);
    if (validate(bodyOf(answer)) !== true)
      throw new Error(`${method} ${target}: ${this.#ajv.errorsText(validate.errors)}: ${answer.body}`);
  }
}

function bodyOf({ contentType, body }: HttpAnswer): Json | string | undefined {
  if (contentType === "") return undefined;
  return contentType === "application/json" ? parseJson(body) : body;
}

function nameOf(operation: Json): string {
  const name = at(operation, ["operationId"]);
  assert(typeof name === "string", "every operation has a name");
  return name;
}

const escaped = (name: string): string => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));

/** What a pointer of names leads to. */
export function at(value: Json | undefined, pointer: readonly string[]): Json | undefined {
  return pointer.reduce<Json | undefined>((inner, name) => (isJsonObject(inner) ? inner[name] : undefined), value);
}
