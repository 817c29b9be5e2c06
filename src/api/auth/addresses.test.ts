import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback } from '../config.ts'
import { addressGroup } from '../origin.ts'
import { addressAllowed, parseCidr } from './cidr.ts'
import { csrfTokenOf, isApiToken, newApiToken, newSignUpCode } from './secrets.ts'

test('address ranges let in what lies in them', () => {
  assert.equal(addressAllowed('10.1.2.3', ['10.0.0.0/8']), true)
  assert.equal(addressAllowed('11.1.2.3', ['10.0.0.0/8']), false)
  assert.equal(addressAllowed('::ffff:10.1.2.3', ['10.0.0.0/8']), true)
  assert.equal(addressAllowed('2001:db8::5', ['2001:db8::/32']), true)
  assert.equal(addressAllowed('2001:db9::5', ['2001:db8::/32', '192.168.0.1']), false)
  assert.equal(addressAllowed('192.168.0.1', ['192.168.0.1']), true)
  assert.equal(addressAllowed('anything', []), true)
})

test('a range that cannot be read lets nobody in', () => {
  for (const text of ['10.0.0.0/33', '10.0.0', '10.0.0.0/8/8', 'fe80::1%eth0', '', '10.0.0.0/-1']) {
    assert.equal(parseCidr(text), null, text)
    assert.equal(addressAllowed('10.0.0.1', [text]), false, text)
  }
})

test('IPv6 peers are counted by their network', () => {
  assert.equal(addressGroup('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  assert.equal(addressGroup('2001:0db8:0001:0002::9'), '2001:db8:1:2::/64')
  assert.equal(addressGroup('2001:db8::9'), '2001:db8:0:0::/64')
  assert.equal(addressGroup('::1'), '0:0:0:0::/64')
  assert.equal(addressGroup('::ffff:192.0.2.7'), '192.0.2.7')
  assert.equal(addressGroup('192.0.2.7'), '192.0.2.7')
})

test('loopback is this machine and nothing that looks like it', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]', '::ffff:127.0.0.1'])
    assert.equal(isLoopback(host), true, host)
  for (const host of ['127.0.0.1.example.org', 'localhost.example.org', '10.0.0.1', '0.0.0.0', ''])
    assert.equal(isLoopback(host), false, host)
})

const bytes = (count: number) => Buffer.alloc(count, 7)

test('a token names its prefix and is known by its form', () => {
  const { token, prefix } = newApiToken(bytes)
  assert.ok(token.startsWith(`ek_${prefix}_`))
  assert.equal(isApiToken(token), true)
  for (const text of ['', 'ek_', `${token}x`, 'eyJhbGciOiJub25lIn0.e30.', token.toUpperCase()])
    assert.equal(isApiToken(text), false, text)
})

test('the sign-up code can be read out aloud', () =>
  assert.match(newSignUpCode(bytes), /^[A-HJ-NP-TV-Z2-9]{4}-[A-HJ-NP-TV-Z2-9]{4}$/))

test('each session has a token of its own against foreign pages', () => assert.notEqual(csrfTokenOf('one'), csrfTokenOf('two')))
