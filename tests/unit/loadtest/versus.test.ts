import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { choose, contender, type Contender } from '../../../loadtest/comparisons/contenders.ts'
import { createGoService } from '../../../loadtest/comparisons/go-service.ts'
import { bare, checkAgainst, express, product, products } from '../../../loadtest/comparisons/programs.ts'
import { versusText } from '../../../loadtest/comparisons/versus.ts'
import { waitingText } from '../../../loadtest/comparisons/waiting.ts'
import { ROOT, TargetError } from '../../../loadtest/target.ts'

const earlier = mkdtempSync(join(tmpdir(), 'earlier-'))
afterAll(() => rmSync(earlier, { recursive: true, force: true }))

const ours = product(ROOT, 'Kafka')
const theirs = product(earlier, 'Kafka')

function measured(perSecond: number, notAccepted = 0) {
  const accepts = perSecond > 0
  return {
    perSecond,
    storedPerSecond: perSecond / 2,
    settleSeconds: 0.5,
    cpuMicroseconds: accepts ? 100 : Number.POSITIVE_INFINITY,
    maxResidentMiB: 80,
    p50Ms: accepts ? 2 : Number.NaN,
    p99Ms: accepts ? 5 : Number.NaN,
    notAccepted,
  }
}

describe('a comparison of servers', () => {
  const storing = (name: string) => contender({ ...express, name }, 'storing too', name)

  it('has the medians of each figure', () => {
    const rounds = [measured(100), measured(900), measured(200)]
    const text = versusText(new Map([[storing('express'), rounds]]))
    expect(text).toMatch(/^express +200 +100 +0\.5 +100 +80 +2 +5 +0$/m)
  })

  it('does not say how far a server that stores nothing is behind', () => {
    const alone = { ...measured(100), storedPerSecond: undefined }
    const text = versusText(new Map([[contender(bare, 'intake alone', 'bare'), [alone]]]))
    expect(text).toMatch(/^bare +100 +- +- +100 +80 +2 +5 +0$/m)
    expect(text).not.toContain('ratio')
  })

  it('divides the product’s figures by those of each peer that does the same work with the same log', () => {
    const text = versusText(
      new Map<Contender, ReturnType<typeof measured>[]>([
        [contender(bare, 'intake alone'), [measured(400)]],
        [contender(express, 'storing too'), [measured(25)]],
        [contender(theirs, 'storing too'), [measured(50)]],
        [contender(product(earlier, 'embedded'), 'storing too'), [measured(10)]],
        [contender(ours, 'storing too'), [measured(100)]],
      ]),
    )
    const [, ratios = ''] = text.split('\n\n')
    expect(
      ratios
        .split('\n')
        .slice(1)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['product on Kafka, storing too', 'express + kafkajs + zod', '4.00', '4.00', '1.00', '1.00', '1.00', '1.00'],
      ['product on Kafka, storing too', theirs.name, '2.00', '2.00', '1.00', '1.00', '1.00', '1.00'],
    ])
  })

  it('has dashes for a server that accepted nothing, and sentences that explain them', () => {
    const text = versusText(
      new Map([
        [storing('away'), [measured(0)]],
        [storing('refusing'), [measured(0, 7)]],
        [storing('recovering'), [measured(0, 7), measured(0, 7), measured(100)]],
      ]),
    )
    expect(text).not.toMatch(/NaN|Infinity/)
    expect(text).toMatch(/^away +0 +- +- +- +- +- +- +0$/m)
    expect(text).toMatch(/^refusing +0 +- +- +- +- +- +- +7$/m)
    expect(text).toMatch(/^recovering +0 +50 +0\.5 +100 +80 +2 +5 +14$/m)
    expect(text).toContain('away did not accept any order')
    expect(text).toContain('refusing did not accept any order')
    expect(text).toContain('recovering did not accept every order')
  })

  it('has no ratio to a server that refused orders', () => {
    const contenders = [contender(express, 'storing too'), contender(ours, 'storing too')] as const
    const text = versusText(
      new Map([
        [contenders[0], [measured(100), measured(100, 7)]],
        [contenders[1], [measured(100)]],
      ]),
    )
    expect(text).toMatch(/^product on Kafka, storing too +express \+ kafkajs \+ zod +- +- +- +- +- +-$/m)
    expect(text).toContain('express + kafkajs + zod, storing too did not accept every order')
  })
})

describe('a comparison of orders that wait', () => {
  it('has rate, cost and memory, and their ratios', () => {
    const round = (perSecond: number) => ({ perSecond, cpuMicroseconds: 10_000 / perSecond, maxResidentMiB: 80 })
    const text = waitingText(
      new Map([
        [contender(express, 'draining', 'express'), [round(100)]],
        [contender(ours, 'draining', 'product'), [round(400), round(400), round(100)]],
      ]),
      200_000,
    )
    expect(text).toMatch(/^storing 200000 waiting orders +orders\/s/)
    expect(text).toMatch(/^product +400 +25 +80$/m)
    expect(text).toMatch(/^product +express \+ kafkajs \+ zod +4\.00 +0\.25 +1\.00$/m)
  })
})

describe('the contenders', () => {
  const all = [contender(express, 'intake alone'), contender(ours, 'intake alone'), contender(ours, 'storing too')]

  it('are all of them, or those whose names contain one of the given strings', async () => {
    expect((await choose(all, [])).contenders).toEqual(all)
    expect((await choose(all, ['product', 'express'])).contenders).toEqual(all)
    expect((await choose(all, ['storing'])).contenders).toEqual([all[2]])
    await expect(choose(all, ['nobody'])).rejects.toThrow('"product on Kafka, storing too"')
  })

  it('lack a program that cannot be built here, with one line for all its work', async () => {
    const go = { ...express, name: 'go', prepare: createGoService(['no-such-compiler']) }
    const { contenders, leftOut } = await choose(
      [contender(go, 'intake alone'), contender(go, 'storing too'), ...all],
      [],
    )
    expect(contenders).toEqual(all)
    expect(leftOut).toEqual(['go is left out: Go is not installed.'])
  })

  it('do not hide why a program cannot be built', async () => {
    // Node has no `build` command, so it exits just as a failing compiler would.
    await expect(createGoService(['no-such-compiler', process.execPath])()).rejects.toThrow(TargetError)
    await expect(createGoService([process.execPath])()).rejects.toThrow(/go build failed\. [^]*Cannot find module/)
  })

  it('are the product of this checkout, and of another one', () => {
    expect(products('embedded', undefined).map(({ name }) => name)).toEqual(['product'])
    const both = products('embedded', earlier)
    expect(both.map(({ root }) => root)).toEqual([earlier, ROOT])
    expect(both[0]?.name).toMatch(/^product at earlier-/)
  })

  it('come from another checkout of the product only', () => {
    expect(() => checkAgainst(undefined)).not.toThrow()
    expect(() => checkAgainst(ROOT)).toThrow('must name another checkout')
    expect(() => checkAgainst(earlier)).toThrow('must name another checkout')
    mkdirSync(join(earlier, 'infra/host'), { recursive: true })
    writeFileSync(join(earlier, 'infra/host/start.ts'), '')
    expect(() => checkAgainst(earlier)).not.toThrow()
  })
})
