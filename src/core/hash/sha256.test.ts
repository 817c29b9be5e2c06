import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Sha256, sha256Bytes, sha256Hex } from './sha256.ts'

const reference = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex')

test('the examples of FIPS 180-4', () => {
  assert.equal(sha256Hex(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  assert.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('any text hashes as node:crypto hashes it, lone surrogates too', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => {
      assert.equal(sha256Hex(text), reference(text))
      assert.deepEqual(Buffer.from(sha256Bytes(text)).toString('hex'), reference(text))
    }),
  )
  for (const text of ['\ud800', 'a\udc00b', '\ud800\ud800\udc00', 'é€😀']) assert.equal(sha256Hex(text), reference(text))
})

test('every length around a block and around the buffer', () => {
  for (let n = 0; n < 200; n++) assert.equal(sha256Hex('x'.repeat(n)), reference('x'.repeat(n)))
  for (const n of [65_530, 65_531, 65_532, 65_533, 65_534, 65_535, 65_536, 65_537, 131_071, 200_000]) {
    assert.equal(sha256Hex('€'.repeat(n)), reference('€'.repeat(n)), `${n} three-byte letters`)
    assert.equal(sha256Hex('y'.repeat(n)), reference('y'.repeat(n)), `${n} letters`)
  }
})

test('pieces hash as the whole', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 200 }))), pieces => {
      const ours = new Sha256(10)
      const theirs = createHash('sha256')
      for (const piece of pieces) {
        if (typeof piece === 'string') ours.text(piece)
        else ours.bytes(piece)
        theirs.update(piece)
      }
      assert.equal(ours.hex(), theirs.digest('hex'))
    }),
  )
})

test('ten megabytes in less than a second', () => {
  const text = '0123456789'.repeat(1_000_000)
  sha256Hex(text.slice(0, 100_000))
  const started = performance.now()
  const hash = sha256Hex(text)
  const took = performance.now() - started
  assert.equal(hash, reference(text))
  assert.ok(took < 1000, `took ${took.toFixed(0)} ms`)
})
