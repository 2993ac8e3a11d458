/** Calls an endpoint of the host by its name in the contract; the types are those of the contract. */
import type { endpoints } from "../../api/endpoints/contract.ts";
import type { AnswerOf, BodyOf } from "../../api/endpoints/endpoint.ts";
import { post } from "../../web/page/refused-call.ts";
import type { CallableName } from "../server/calls.ts";
import type { ForwardedCall } from "../view.ts";

type Table = typeof endpoints;

/** @throws {RefusedCall} */
export async function call<Name extends CallableName>(
  name: Name,
  input: { query?: ForwardedCall["query"]; body?: BodyOf<Table[Name]> } = {},
): Promise<AnswerOf<Table[Name]>> {
  // The host answers as the contract says: its own tests hold that.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (await post(`call/${name}`, input)) as AnswerOf<Table[Name]>;
}
