/** What these files run in: a browser. No other folder of ours may know it, and the build of the others does not. */
/// <reference lib="dom" />
