import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { basename, dirname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..', '..')

interface Locked {
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
}

/**
 * Fills a directory with the contents of the functions' image: dist/, host.json, package.json, migrations, and the
 * production packages without native parts, copied from node_modules so that no network is needed.
 */
export function fillPackageDirectory(directory: string): void {
  const built = spawnSync(process.execPath, ['infra/build.ts', join(directory, 'dist')], {
    cwd: ROOT,
    env: { ...process.env, PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH']}` },
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(`dist could not be built: ${built.stdout}${built.stderr}`)
  for (const name of ['host.json', 'package.json']) cpSync(join(ROOT, name), join(directory, name))
  const migrations = join('infra', 'sql', 'mssql')
  if (existsSync(join(ROOT, migrations)))
    cpSync(join(ROOT, migrations), join(directory, migrations), { recursive: true })
  for (const path of productionPackages()) copyPackage(path, directory)
}

function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>
  }
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path]) => path)
}

/** Skips nested packages, which have their own entries. */
function copyPackage(path: string, directory: string): void {
  const source = join(ROOT, path)
  mkdirSync(dirname(join(directory, path)), { recursive: true })
  cpSync(source, join(directory, path), {
    recursive: true,
    filter: (from) => basename(from) !== 'node_modules' || dirname(from) !== source,
  })
}
