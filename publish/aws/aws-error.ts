/** What AWS answers instead of a result. */
import { Failure } from "../../lib/failure.ts";

/** The name of the error, such as "InvalidAMIID.NotFound"; undefined for what did not come from AWS. */
export function awsError(error: unknown): string | undefined {
  return error instanceof Error && "$metadata" in error ? error.name : undefined;
}

/**
 * Does something at AWS, and says what when AWS refuses it.
 *
 * @param cannot "cannot copy ami-1 to us-east-1"
 * @throws {Failure<"aws-refused">}
 */
export async function atAws<Result>(cannot: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const name = awsError(error);
    if (name === undefined && error.name !== "CredentialsProviderError") throw error;
    const hint = name === undefined ? { hint: "configure credentials as for AWS's own tools" } : {};
    throw new Failure("aws-refused", `${cannot}: ${error.name}: ${error.message}`, hint);
  }
}
