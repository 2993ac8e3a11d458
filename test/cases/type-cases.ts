/** Types of settings by example: what they accept as it is, what they turn into something else, what they refuse. */
import { expect, test } from "bun:test";
import type { Json } from "../../lib/text/json.ts";
import type { Type } from "../../settings/model/type.ts";

export type TypeCases = {
  accepts: readonly Json[];
  becomes?: readonly (readonly [Json, Json])[];
  refuses: readonly Json[];
};

export function testType(name: string, type: Type, { accepts, becomes = [], refuses }: TypeCases): void {
  const read = (value: Json) => type.schema().safeParse(value);
  test(`${name} accepts its examples and refuses others with "must be"`, () => {
    for (const value of accepts)
      expect(read(value), `${JSON.stringify(value)}`).toEqual({ success: true, data: value });
    for (const [written, value] of becomes) {
      expect(read(written), `${JSON.stringify(written)}`).toEqual({ success: true, data: value });
      expect(read(value), `${JSON.stringify(value)} once more`).toEqual({ success: true, data: value });
    }
    for (const value of refuses) {
      const result = read(value);
      expect(result.success, `${JSON.stringify(value)} is refused`).toBe(false);
      for (const { message } of result.error?.issues ?? []) expect(message).toStartWith("must ");
    }
  });
}
