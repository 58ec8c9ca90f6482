/** All tests of single parts, in one process. */
import { together } from './support/together.ts';

await together('test/unit.ts');
