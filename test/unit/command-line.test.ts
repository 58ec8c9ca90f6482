/** The command line: every setting as an option, and whatever else is there is refused without being repeated. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { helpText, optionFor, readCommandLine, toldAsGiven } from '../../src/config/command-line.ts';
import { settings } from '../../src/config/schema.ts';
import { environmentWith } from '../../src/config.ts';

function problemsOf(...words: string[]): readonly string[] {
  const read = readCommandLine(words);
  return read.kind === 'wrong' ? read.problems : [];
}

describe('options', () => {
  it('are the settings, with their value behind a blank or an equals sign', () => {
    for (const { name } of Object.values(settings)) {
      assert.deepEqual(readCommandLine([optionFor(name), 'a=b']), { kind: 'run', given: { [name]: 'a=b' } });
      assert.deepEqual(readCommandLine([`${optionFor(name)}=--a\n=b`]), { kind: 'run', given: { [name]: '--a\n=b' } });
    }
  });

  it('may be none, or several', () => {
    assert.deepEqual(readCommandLine([]), { kind: 'run', given: {} });
    const read = readCommandLine(['--port', '0', '--host=::1']);
    assert.deepEqual(read, { kind: 'run', given: { PORT: '0', HOST: '::1' } });
  });

  it('beat the environment', () => {
    const env = environmentWith({ PATH: 'given' });
    assert.equal(env.PATH, 'given');
    assert.equal(env.HOME, process.env.HOME);
  });

  it('that are not known are refused, with what was probably meant', () => {
    assert.deepEqual(problemsOf('--prot', '1'), ['--prot is not an option: see --help']);
    assert.deepEqual(problemsOf('--max-stream=1'), ['--max-stream is not an option; did you mean --max-streams?']);
    assert.equal(problemsOf('--__proto__', '1').length, 2);
    assert.equal(problemsOf('--constructor', '1').length, 1);
  });

  it('need a value, once', () => {
    for (const words of [['--port'], ['--port='], ['--port', ''], ['--port', '--host', 'x']]) {
      assert.deepEqual(problemsOf(...words), ['--port needs a value, as in --port VALUE'], words.join(' '));
    }
    assert.deepEqual(problemsOf('--port', '1', '--port=2'), ['--port is there twice']);
  });

  it('are all there is, and what is no option is not repeated', () => {
    for (const word of ['redis://u:s3cret@h', '-p', '--', '-', '', 'PORT=1', '--PORT=1', '--s3cret!']) {
      assert.deepEqual(problemsOf(word), ['word 1 of the command line is not an option: see --help'], word);
    }
    assert.doesNotMatch(problemsOf('--redis-ur=redis://u:s3cret@h', '--nosuch', 's3cret').join(), /s3cret/);
  });

  it('are told all at once', () => assert.equal(problemsOf('--prot', '1', 'x', '--port').length, 3));
});

describe('questions', () => {
  it('are answered whatever else is there', () => {
    for (const word of ['--help', '-h']) assert.equal(readCommandLine(['--nosuch', word]).kind, 'help');
    for (const word of ['--version', '-v']) assert.equal(readCommandLine(['--nosuch', word]).kind, 'version');
  });

  it('help has every option with its sentence and its default', () => {
    const help = helpText();
    for (const { name, sentence } of Object.values(settings)) {
      assert.ok(help.includes(`  ${optionFor(name)}\n      ${sentence.replaceAll('`', '')}\n`), name);
    }
    assert.doesNotMatch(help, /`/);
  });
});

it('a problem is told by the name under which the setting was given', () => {
  assert.equal(toldAsGiven('PORT must be', { PORT: 'x' }), '--port must be');
  assert.equal(toldAsGiven('PORT must be', { HOST: 'x' }), 'PORT must be');
  assert.equal(
    toldAsGiven('ROLES must be `all` without REDIS_URL', { ROLES: 'x' }),
    '--roles must be `all` without REDIS_URL',
  );
});
