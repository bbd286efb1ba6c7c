import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DeadLetterGroup } from '../../../shared/ports/dead-letters.ts'
import type { RedriveTask } from '../../../shared/ports/redrives.ts'
import { createOperatedProduct, FAILING_CUSTOMER, until, type Page } from '../../support/product/operated-product.ts'
import { ORIGINAL_BODY } from '../../support/orders/orders.ts'

const product = createOperatedProduct()
const { ask, taskOf, ended, orderOf, kindsOf, letters, balanced, setFaults, placeAndLose } = product

describe('operators', () => {
  beforeAll(() => product.open())
  afterAll(() => product.close())

  test('preview a group, redrive it too early, fix the cause, and resume', async () => {
    const lost = [await placeAndLose(), await placeAndLose(), await placeAndLose()]
    const { items: groups } = (await ask('GET', '/api/dead-letters/groups?state=dead')).body as Page<DeadLetterGroup>
    expect(groups).toMatchObject([{ count: 3, cause: { code: 'internal' } }])
    const fingerprint = groups[0]?.fingerprint

    const preview = await ask('POST', '/api/dead-letters/redrive', { fingerprint, dryRun: true })
    expect((preview.body as Page<{ outcome: string }>).items.map(({ outcome }) => outcome)).toEqual([
      'still-fails',
      'still-fails',
      'still-fails',
    ])

    const early = await ask('POST', '/api/dead-letters/redrive', { fingerprint, reason: 'impatience' })
    const { id } = early.body as RedriveTask
    expect([early.status, early.headers.get('location')]).toEqual([202, `/api/redrives/${id}`])
    const stopped = await ended(id)
    expect(stopped).toMatchObject({ state: 'stopped', total: 3, waiting: 2 })
    expect(stopped.why).toMatch(/^Letters sent in the last step: 1;/)
    await until(
      () => taskOf(id),
      ({ failed }) => failed === 1,
    )

    await setFaults({})
    const [known] = lost
    const one = await ask('POST', `/api/dead-letters/${lost[1]?.letterId}/redrive`, { dryRun: true })
    expect((one.body as Page<object>).items).toMatchObject([{ id: lost[1]?.letterId, outcome: 'would-be-stored' }])
    expect(await ask('POST', `/api/redrives/${id}/resume`, { reason: 'mended' })).toMatchObject({ status: 200 })
    expect(await ended(id)).toMatchObject({ state: 'done', resolved: 2, failed: 1, waiting: 0 })

    // The record that was dead-lettered again has a new letter.
    const [again] = await letters(`orderId=${known?.orderId}&state=dead`)
    const single = (await ask('POST', `/api/dead-letters/${again?.id}/redrive`)).body as RedriveTask
    expect(await ended(single.id)).toMatchObject({ state: 'done', total: 1, resolved: 1 })
    for (const { orderId } of lost) {
      expect(await orderOf(orderId)).toMatchObject({ status: 'stored', recovered: true })
    }
    expect(await kindsOf(known?.orderId ?? '')).toEqual([
      'accepted',
      'attempt-failed',
      'dead-lettered',
      'redriven',
      'attempt-failed',
      'dead-lettered',
      'redriven',
      'stored',
    ])
    expect((await letters(`orderId=${known?.orderId}`)).map(({ state }) => state)).toEqual(['resolved', 'superseded'])
    expect(await balanced()).toMatchObject({ balanced: true, totals: { accepted: 3, redriven: 4, records: 7 } })
  })

  test('count a redriven record that cannot be read as redriven, not as accepted', async () => {
    const { totals: before } = await balanced()
    await setFaults({ poison: 1 })
    const [poison] = await until(
      () => letters('cause=undecodable-record&state=dead'),
      ({ length }) => length > 0,
    )
    const { id } = (await ask('POST', `/api/dead-letters/${poison?.id}/redrive`)).body as RedriveTask
    expect(await ended(id)).toMatchObject({ state: 'stopped', failed: 1 })
    expect(await ask('PUT', `/api/dead-letters/${poison?.id}/payload`, ORIGINAL_BODY)).toMatchObject({ status: 409 })
    const { balanced: holds, totals } = await balanced()
    expect(holds).toBe(true)
    expect(totals.accepted - before.accepted).toBe(1)
    expect(totals.redriven - before.redriven).toBe(1)
  })

  test('send an edited order in place of the dead one', async () => {
    const { orderId, letterId } = await placeAndLose()
    const mended = { ...ORIGINAL_BODY, customerId: 14, customerName: 'Mended' }
    const payload = `/api/dead-letters/${letterId}/payload`
    expect(await ask('PUT', payload, { ...mended, customerName: 1 })).toMatchObject({ status: 400 })
    const edited = (await ask('PUT', `${payload}?reason=typing%20error`, mended)).body as {
      value: { text: string }
      editedValue: { text: string }
    }
    expect(JSON.parse(edited.value.text)).toMatchObject({ customerId: FAILING_CUSTOMER })
    expect(JSON.parse(edited.editedValue.text)).toMatchObject({ customerId: 14 })
    const order = await until(
      () => orderOf(orderId),
      ({ status }) => status === 'stored',
    )
    expect(order).toMatchObject({ recovered: true, customerName: 'Mended' })
    expect(await kindsOf(orderId)).toEqual(['accepted', 'attempt-failed', 'dead-lettered', 'edited', 'stored'])
    expect(await letters(`orderId=${orderId}`)).toMatchObject([{ state: 'resolved' }])
    expect(await ask('PUT', payload, mended)).toMatchObject({
      status: 409,
      body: { detail: 'The dead letter is resolved, not dead.' },
    })
  })

  test('discard with a reason, and undo it', async () => {
    const { orderId, letterId } = await placeAndLose()
    const path = `/api/dead-letters/${letterId}`
    expect(await ask('POST', `${path}/discard`, {})).toMatchObject({ status: 400 })
    expect(await ask('POST', `${path}/restore`)).toMatchObject({ status: 409 })
    expect((await ask('POST', `${path}/discard`, { reason: 'a test' })).body).toMatchObject({ state: 'discarded' })
    expect(await orderOf(orderId)).toMatchObject({ status: 'discarded' })
    expect(await ask('POST', `${path}/redrive`)).toMatchObject({ status: 409 })
    expect(await ask('POST', `${path}/redrive?dryRun=true`)).toMatchObject({ status: 409 })
    expect((await ask('POST', `${path}/restore`)).body).toMatchObject({ state: 'dead' })
    expect(await orderOf(orderId)).toMatchObject({ status: 'dead-lettered' })
    expect((await kindsOf(orderId)).slice(-2)).toEqual(['discarded', 'restored'])
    const { items } = (await ask('GET', `/api/audit?target=${letterId}`)).body as Page<object>
    expect(items).toMatchObject([
      { action: 'restore', operator: 'Kim', verified: false, reason: null },
      { action: 'discard', operator: 'Kim', verified: false, reason: 'a test' },
    ])
    expect(await balanced()).toMatchObject({ balanced: true })
  })

  test('discard a whole group after seeing its size', async () => {
    const lost = [await placeAndLose(), await placeAndLose()]
    const { items: groups } = (await ask('GET', '/api/dead-letters/groups?state=dead')).body as Page<DeadLetterGroup>
    const fingerprint = groups[0]?.fingerprint
    const discard = (body: object) => ask('POST', '/api/dead-letters/discard', body)
    const { body: preview } = await discard({ fingerprint, dryRun: true })
    const { count } = preview as { count: number }
    expect(preview).toEqual({
      dryRun: true,
      count: (await letters(`fingerprint=${fingerprint}&state=dead`)).length,
      nextCursor: null,
    })
    expect(await discard({ fingerprint })).toMatchObject({ status: 400, body: { errors: [{ pointer: '/reason' }] } })
    expect(await ask('POST', '/api/dead-letters/discard?dryRun=true', { all: true })).toMatchObject({ status: 200 })
    for (const { orderId } of lost) expect(await orderOf(orderId)).toMatchObject({ status: 'dead-lettered' })

    const { body } = await discard({ fingerprint, reason: 'a load test' })
    expect(body).toEqual({ dryRun: false, count, nextCursor: null })
    for (const { orderId } of lost) expect(await orderOf(orderId)).toMatchObject({ status: 'discarded' })
    expect(await discard({ fingerprint, reason: 'again' })).toMatchObject({ status: 409 })
    const { items } = (await ask('GET', `/api/audit?limit=${count + 1}`)).body as Page<{
      action: string
      target: string
    }>
    expect(items.map(({ action }) => action)).toEqual([...Array<string>(count).fill('discard'), 'discard-many'])
    expect(items.at(-1)).toMatchObject({ target: `fingerprint=${fingerprint}`, operator: 'Kim', reason: 'a load test' })
    expect(await balanced()).toMatchObject({ balanced: true })
  })

  test.each([
    ['POST', '/api/dead-letters/discard', { reason: 'why' }, 400],
    ['POST', '/api/dead-letters/discard', { ids: ['orders:0:999999'], reason: 'why' }, 404],
    ['POST', '/api/dead-letters/discard', { fingerprint: 'nobody has it', reason: 'why' }, 409],
    ['POST', '/api/dead-letters/discard?cursor=another', { all: true, reason: 'why' }, 400],
    ['POST', '/api/dead-letters/orders:0:999999/redrive', undefined, 404],
    ['POST', '/api/dead-letters/orders:0:999999/redrive?dryRun=true', undefined, 404],
    ['POST', '/api/dead-letters/orders:0:999999/discard', { reason: 'why' }, 404],
    ['POST', '/api/dead-letters/orders:0:999999/restore', undefined, 404],
    ['PUT', '/api/dead-letters/orders:0:999999/payload', ORIGINAL_BODY, 404],
    ['GET', '/api/dead-letters/orders:0:999999', undefined, 404],
    ['GET', '/api/redrives/nothing', undefined, 404],
    ['POST', '/api/redrives/nothing/cancel', undefined, 404],
    ['POST', '/api/redrives/nothing/resume', {}, 404],
    ['POST', '/api/dead-letters/redrive', { ids: ['orders:0:999999'] }, 404],
    ['POST', '/api/dead-letters/redrive', { fingerprint: 'nobody has it' }, 409],
    ['POST', '/api/dead-letters/redrive', {}, 400],
    ['POST', '/api/dead-letters/redrive', { al: true }, 400],
    ['POST', '/api/dead-letters/redrive?dryrun=true', { all: true }, 400],
    ['POST', '/api/dead-letters/redrive?dryRun=yes', { all: true }, 400],
  ])('%s %s with %j: %i', async (method, path, body, status) => {
    expect(await ask(method, path, body)).toMatchObject({ status })
  })
})
