import { defineConfig, type OxlintOverride } from 'oxlint'

/**
 * The folders of `shared/` are called rooms. This table lists which other rooms each room may import, and the lint
 * rules that enforce it are called walls. No two rooms import each other. docs/architecture.md gives the reasons, and
 * tests/unit/deployment/architecture.test.ts checks that the folders, the walls and that page agree.
 */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  ports: ['domain'],
  messaging: ['ports', 'domain'],
  application: ['messaging', 'ports', 'domain'],
  settings: ['domain'],
  http: ['application', 'messaging', 'ports', 'domain', 'settings'],
  'api-docs': ['http', 'application', 'messaging', 'ports', 'domain', 'settings'],
  pages: ['api-docs', 'http', 'application', 'messaging', 'ports', 'domain', 'settings'],
  telemetry: ['http', 'application', 'messaging', 'ports', 'domain', 'settings', 'threads'],
  disk: [],
  threads: ['disk'],
  adapters: ['ports', 'domain', 'disk', 'threads'],
}

/**
 * The rooms of `shared/` that each folder outside `shared/` may import. `root` stands for the files directly in
 * `shared/`, which wire everything together.
 */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  functions: ['root', 'http', 'api-docs', 'pages', 'application', 'ports', 'domain', 'settings'],
  'infra/host': ['root', 'http', 'ports', 'domain', 'settings', 'threads'],
  'infra/ops': ['adapters', 'application', 'messaging', 'ports', 'domain', 'disk', 'settings'],
  'infra/functions': ['adapters', 'domain', 'settings'],
  'infra/kafka': ['adapters', 'messaging', 'domain', 'settings'],
  'infra/docker': [],
  loadtest: ['adapters', 'application', 'pages', 'ports', 'domain', 'disk', 'settings', 'threads'],
}

/** For each folder outside `shared/`, the other folders outside `shared/` that it may import. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  'infra/ops': ['infra/host'],
  'infra/functions': ['infra/docker', 'infra/host'],
  loadtest: ['infra/ops'],
}

const PACKAGES = ['@azure/*', 'kafkajs', 'mssql', 'pino']
/** The packages that a room must not import. */
const UNKNOWN: Readonly<Record<string, string[]>> = {
  domain: [...PACKAGES, 'node:*', 'node:*/**', '!node:crypto'],
  ports: [...PACKAGES, 'node:*', 'node:*/**', 'zod'],
  messaging: [...PACKAGES, 'node:sqlite'],
  application: [...PACKAGES, 'node:sqlite'],
  adapters: ['@azure/functions*'],
}
const ADAPTERS = ['embedded', 'faults', 'kafka', 'mssql', 'sqlite']
const ROOT = ['composition-root', 'foundation', 'services', 'triggers', 'invocations', 'role'].map(
  (file) => `**/${file}.ts`,
)
const DEEPEST = 4

const within = (...rooms: string[]) => rooms.map((room) => `**/${room}/**`)
const but = (rooms: string[], ...not: readonly string[]) => rooms.filter((room) => !not.includes(room))

function wall(files: string, message: string, group: string[], packages: string[] = []): OxlintOverride {
  const patterns = [
    { group, message },
    { group: packages, message: 'This folder must not import the package.' },
  ].filter(({ group }) => group.length > 0)
  return { files: [files], rules: { 'no-restricted-imports': ['error', { patterns }] } }
}

function wallsOfShared(): OxlintOverride[] {
  const rooms = Object.keys(SHARED)
  const outside = within('functions', 'infra', 'loadtest', 'tests')
  const walls = Object.entries(SHARED).map(([room, imports]) => {
    const group = [...within(...but(rooms, room, ...imports)), ...ROOT, ...outside]
    const message = `shared/${room} may import only ${imports.join(', ') || 'itself'}.`
    if (room !== 'adapters') return wall(`shared/${room}/**`, message, group, UNKNOWN[room])
    return wall(
      'shared/adapters/*/**',
      message,
      [...group, ...within(...ADAPTERS), '**/open-adapters.ts'],
      UNKNOWN[room],
    )
  })
  return [
    ...walls,
    wall('shared/*.ts', 'The wiring must not import what uses it.', outside),
    wall('shared/adapters/*.ts', 'The code that opens the adapters must not import this module.', [
      ...within('application', 'http', 'api-docs', 'pages', 'threads'),
      ...ROOT,
      ...outside,
    ]),
  ]
}

/** One wall for each folder depth, because only whole relative paths distinguish infra/host/kafka from infra/kafka. */
function wallsOutside(): OxlintOverride[] {
  return Object.entries(OUTSIDE).flatMap(([room, imports]) => {
    const shared = [...but(Object.keys(SHARED), ...imports).map((other) => `shared/${other}`), 'tests']
    const others = [...but(Object.keys(OUTSIDE), room, ...(BESIDE[room] ?? []))]
    const levels = room.split('/').length
    return Array.from({ length: DEEPEST }, (_, deeper) => {
      const root = '../'.repeat(levels + deeper)
      const group = [...shared, ...others].map((other) => `${root}${other}/**`)
      if (!imports.includes('root')) group.push(`${root}shared/*.ts`)
      for (const other of others.filter((one) => one.startsWith('infra/') && levels === 2)) {
        group.push(`${'../'.repeat(1 + deeper)}${other.slice('infra/'.length)}/**`)
      }
      const message = `${room} may import only ${[...imports, ...(BESIDE[room] ?? [])].join(', ') || 'itself'}.`
      return wall(`${room}/${'*/'.repeat(deeper)}*`, message, room === 'functions' ? [...group, './*'] : group)
    })
  })
}

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'vitest', 'promise', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['dist', 'node_modules', 'tests/clients'],
  rules: {
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-default-export': 'error',
    'import/no-unassigned-import': 'off',
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/consistent-type-imports': 'error',
    'eslint/no-empty': 'error',
    'typescript/consistent-return': 'off',
    'eslint/no-console': 'error',
    'eslint/no-shadow': 'off',
    'eslint/no-underscore-dangle': 'off',
    'eslint/no-await-in-loop': 'off',
    'unicorn/filename-case': ['error', { case: 'kebabCase' }],
    'unicorn/no-array-sort': 'off',
    'unicorn/require-post-message-target-origin': 'off',
    'unicorn/no-array-reverse': 'off',
    'promise/always-return': 'off',
    'vitest/require-mock-type-parameters': 'off',
    'eslint/max-lines': ['error', { max: 350 }],
  },
  overrides: [
    ...wallsOfShared(),
    ...wallsOutside(),
    { files: ['*.config.ts'], rules: { 'import/no-default-export': 'off' } },
    {
      files: ['infra/host/**', 'infra/ops/**', 'loadtest/**', 'infra/*.ts', 'tests/**', '**/*.js'],
      rules: { 'no-console': 'off' },
    },
    {
      files: ['tests/**'],
      rules: {
        'max-lines': 'off',
        'unicorn/consistent-function-scoping': 'off',
        'vitest/require-to-throw-message': 'off',
        'vitest/valid-expect': ['error', { maxArgs: 2 }],
        'vitest/no-conditional-expect': 'off',
        'vitest/no-standalone-expect': 'off',
      },
    },
  ],
})
