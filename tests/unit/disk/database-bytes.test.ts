import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { databaseBytes } from '../../../shared/disk/database-bytes.ts'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'database-bytes-'))))
afterEach(() => rmSync(directory, { recursive: true }))

const write = (name: string, bytes: number) => writeFileSync(join(directory, name), Buffer.alloc(bytes))

it('counts a database with its write-ahead log, and no other file', () => {
  write('log.db', 4096)
  write('log.db-wal', 1000)
  write('log.db-shm', 32_768)
  write('orders.db', 8192)
  expect(databaseBytes(directory, 'log.db')).toBe(5096)
  expect(databaseBytes(directory, 'orders.db')).toBe(8192)
})

it('counts nothing for a database that does not exist', () => {
  expect(databaseBytes(directory, 'log.db')).toBe(0)
})
