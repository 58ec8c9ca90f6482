/**
 * Imported by the tests of the client: a promise that is rejected and that nobody looks at ends their process with an error, also when
 * its test is over by then, of which `node:test` only says so.
 */
process.on('unhandledRejection', (reason) => {
  console.error('nobody looks at', reason);
  process.once('exit', () => {
    process.exitCode = 1;
  });
});
