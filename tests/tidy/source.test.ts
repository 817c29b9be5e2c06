import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOnly, withoutComments } from './source.ts'

test('comments are blanked and lines stay', () => {
  assert.equal(withoutComments('a // b\nc /* d\ne */ f'), 'a     \nc     \n     f')
})

test('a string that looks like a comment is none', () => {
  assert.equal(withoutComments(`a('http://x') // y`), `a('http://x')     `)
  assert.equal(withoutComments('a(`/* ${b /* c */} */`)'), 'a(`/* ${b        } */`)')
})

test('the insides of strings, templates and regular expressions are blanked', () => {
  assert.equal(codeOnly(`f('Date.now', "x\\"y")`), `f('        ', "    ")`)
  assert.equal(codeOnly('f(`a ${b(`c`)} d`)'), 'f(`  ${b(` `)}  `)')
  assert.equal(codeOnly('x = /[/]await/.test(y)'), 'x = /        /.test(y)')
})

test('braces inside a template expression do not end it', () => {
  assert.equal(codeOnly('`${{ a: { b } }} c` + d'), '`${{ a: { b } }}  ` + d')
})

test('a division is no regular expression', () => {
  assert.equal(codeOnly('a / b + c / d'), 'a / b + c / d')
  assert.equal(codeOnly('(a) / b // c'), '(a) / b     ')
})

test('an unfinished sample ends', () => {
  assert.equal(codeOnly('`abc').length, 4)
  assert.equal(codeOnly("'abc").length, 4)
  assert.equal(codeOnly('/* abc').length, 6)
})
