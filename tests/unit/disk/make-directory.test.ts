import { existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { makeDirectory } from '../../../shared/disk/make-directory.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let parent: string
beforeEach(() => {
  parent = temporaryDirectory()
})

test('a directory and its parents are created for their owner alone, and can be removed again', () => {
  const takeBack = makeDirectory(join(parent, 'a', 'b'))
  expect(['a', 'a/b'].map((name) => statSync(join(parent, name)).mode & 0o777)).toEqual([0o700, 0o700])
  takeBack()
  expect([existsSync(parent), existsSync(join(parent, 'a'))]).toEqual([true, false])
})

test('a directory that existed, or is in use by then, is not removed', () => {
  makeDirectory(parent)()
  expect(existsSync(parent)).toBe(true)
  const takeBack = makeDirectory(join(parent, 'a', 'b'))
  writeFileSync(join(parent, 'a', 'other'), '')
  takeBack()
  expect([existsSync(join(parent, 'a', 'other')), existsSync(join(parent, 'a', 'b'))]).toEqual([true, false])
})

test('a directory that cannot be created leaves nothing behind', () => {
  // A name is at most 255 bytes.
  expect(() => makeDirectory(join(parent, 'a', 'b'.repeat(300)))).toThrow('ENAMETOOLONG')
  expect(existsSync(join(parent, 'a'))).toBe(false)
})

test('a dangling link does not count as created', () => {
  symlinkSync(join(parent, 'gone'), join(parent, 'link'))
  expect(() => makeDirectory(join(parent, 'link'))).toThrow('EEXIST')
  expect(() => makeDirectory(join(parent, 'link', 'b'))).toThrow('EEXIST')
})
