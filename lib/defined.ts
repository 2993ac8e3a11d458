/** The fields of an object that have a value. */

type Defined<Fields> = {
  [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name];
} & {
  [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<Fields[Name], undefined>;
};

/**
 * The object without the fields that are undefined, for types in which a field is either absent or has a value
 * (TypeScript's `exactOptionalPropertyTypes`).
 */
export function defined<const Fields extends object>(fields: Fields): Defined<Fields> {
  // Proven by the filter: what is left has the fields of the first part, and of the second those with a value.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>;
}
