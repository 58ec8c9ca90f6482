/** Whose request it is: by the connection, and by what proxies say that are believed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { networks } from '../../src/config/network-kinds.ts';
import { createAddresses } from '../../src/http/addresses.ts';

const told: string[] = [];
function open(trusted: string) {
  const trustProxy = trusted === '' ? [] : networksOf(trusted);
  const addresses = createAddresses({ trustProxy, log: { warn: (...what: unknown[]) => void told.push(what.join()) } });
  return (peer: string, forwarded?: string) => addresses.of(addresses.peer(peer), forwarded);
}

function networksOf(text: string) {
  const parsed = networks.parse(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

describe('an address', () => {
  it('is the same however it is written, of IPv6 the /64', () => {
    const of = open('');
    for (const [one, other] of [
      ['1.2.3.4', '::ffff:1.2.3.4'],
      ['1.2.3.4', '::ffff:102:304'],
      ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
      ['2001:db8::1', '2001:0DB8:0:0:5::9'],
      ['1::2:3:4:5:6:7', '1:0:2:3::'],
      ['2001:db8::1.2.3.4', '2001:db8::'],
    ] as const) {
      assert.equal(of(one), of(other), `${one} ${other}`);
      assert.notEqual(of(one), '');
    }
    for (const [one, other] of [
      ['1.2.3.4', '1.2.3.5'],
      ['2001:db8:1:2::1', '2001:db8:1:3::1'],
      ['2001:db8::1', '2001:db8:0:1::1'],
      ['::1.2.3.4', '1.2.3.4'],
    ] as const) {
      assert.notEqual(of(one), of(other), `${one} ${other}`);
    }
  });

  it('of this machine itself is none, nor is one that is not known', () => {
    const of = open('');
    for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.9.8.7', 'nonsense', ''])
      assert.equal(of(peer), '', peer);
    for (const peer of ['128.0.0.1', '::2', '10.0.0.1']) assert.notEqual(of(peer), '', peer);
  });
});

describe('X-Forwarded-For', () => {
  it('counts from a proxy that is trusted, up to the last address that is none', () => {
    const of = open('10.0.0.0/8, 127.0.0.1, fd00::/8, 192.0.2.7');
    for (const [peer, forwarded, expected] of [
      ['10.1.2.3', '1.2.3.4', '1.2.3.4'],
      ['::ffff:10.1.2.3', '1.2.3.4', '1.2.3.4'],
      ['127.0.0.1', ' 1.2.3.4\t', '1.2.3.4'],
      ['fd00::1', '6.6.6.6, 1.2.3.4', '1.2.3.4'],
      ['10.1.2.3', '6.6.6.6,1.2.3.4,10.9.9.9 , 192.0.2.7', '1.2.3.4'],
      ['10.1.2.3', '::ffff:1.2.3.4', '1.2.3.4'],
      ['10.1.2.3', '2001:db8:1:2::9', '2001:db8:1:2'],
      ['10.1.2.3', '[2001:db8:1:2::9]:4711', '2001:db8:1:2'],
      ['10.1.2.3', '1.2.3.4:4711', '1.2.3.4'],
      ['10.1.2.3', '10.4.4.4', '10.4.4.4'],
      ['10.1.2.3', '10.4.4.4,10.5.5.5', '10.4.4.4'],
      ['10.1.2.3', undefined, '10.1.2.3'],
      ['10.1.2.3', '', '10.1.2.3'],
      ['10.1.2.3', '1.2.3.4,', '10.1.2.3'],
      ['10.1.2.3', '1.2.3.4, unknown', '10.1.2.3'],
      ['10.1.2.3', '1.2.3.4, 010.1.1.1', '10.1.2.3'],
      ['10.1.2.3', '1.2.3.4, 0x7f000001', '10.1.2.3'],
      ['10.1.2.3', `1.2.3.4, ${'9'.repeat(4_000)}`, '10.1.2.3'],
      ['10.1.2.3', '1.2.3.4, nonsense, 10.7.7.7', '10.7.7.7'],
      ['10.1.2.3', '127.0.0.1', ''],
    ] as const) {
      assert.equal(of(peer, forwarded), expected, `${peer} ${forwarded}`);
    }
  });

  it('of anybody else is nothing, and that is said once', () => {
    told.length = 0;
    const of = open('10.0.0.0/8');
    for (const peer of ['11.1.2.3', '1.1.1.1', '::10.1.2.3']) assert.equal(of(peer, '1.2.3.4'), of(peer), peer);
    assert.equal(told.length, 1);
    assert.match(told[0]!, /TRUST_PROXY/);
    assert.doesNotMatch(told[0]!, /1\.2\.3\.4/);
  });

  it('of more addresses than are remembered is read all the same', () => {
    const of = open('10.0.0.0/8');
    for (let i = 0; i < 30_000; i++)
      assert.equal(of('10.0.0.1', `1.2.${i >> 8}.${i & 255}`), `1.2.${i >> 8}.${i & 255}`);
  });
});

describe('TRUST_PROXY', () => {
  it('is a list of networks, and nothing that is nearly one', () => {
    for (const text of ['10.0.0.0/8', '::1', 'fd00::/8,1.2.3.4', '0.0.0.0/0', '1.2.3.4/32 , ::/0']) networksOf(text);
    for (const text of [
      '',
      '10',
      '10.0.0.0/',
      '10.0.0.0/33',
      '::/129',
      '1.2.3.4/08',
      '1.2.3.4/8/8',
      'true',
      '1',
      '010.0.0.1',
    ]) {
      assert.ok(!networks.parse(text).ok, text);
    }
  });
});
