/** The command: one line per part, one per problem, and 1 as its exit code when there is any. */
import { checkPart, parts } from './check.ts';

for (const part of parts) {
  const { manifests, problems } = checkPart(part);
  console.log(
    `k8s/${part.name}: ${manifests.length} objects, ${problems.length === 0 ? 'clean' : `${problems.length} problems`}`,
  );
  for (const problem of problems) console.log(`  ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}
