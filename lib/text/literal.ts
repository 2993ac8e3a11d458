/**
 * What a document can say and JSON cannot hold: a date, infinity, an integer that a double would change; and 110.0,
 * which JSON would take for a whole number. Kept as it was written, so that a message can show it.
 */
export class Literal {
  readonly text: string;
  /** The number it is, when it is one that a double holds. */
  readonly decimal: number | undefined;

  constructor(text: string, decimal?: number) {
    this.text = text;
    this.decimal = decimal;
  }
}

/** JSON, but for literals. */
export type Written = null | boolean | number | string | Literal | Written[] | { [name: string]: Written };
export type WrittenObject = { [name: string]: Written };

export function isWrittenObject(value: Written | undefined): value is WrittenObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Literal);
}
