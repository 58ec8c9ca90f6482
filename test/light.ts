/** The client's tests of single parts and others that start nothing, in one process. */
import { together } from './support/together.ts';

await together('test/light.ts');
