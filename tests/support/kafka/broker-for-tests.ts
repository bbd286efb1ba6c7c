import { afterAll, beforeAll } from 'vitest'
import { memberwise } from '../memberwise.ts'
import { startTestBroker, type TestBroker } from './kafka-broker.ts'

/** A broker that runs during all tests of the suite in which this function is called. */
export function brokerForTests(options: Parameters<typeof startTestBroker>[0] = {}): TestBroker {
  let broker: TestBroker
  beforeAll(async () => {
    broker = await startTestBroker(options)
  })
  afterAll(() => broker[Symbol.asyncDispose]())
  return memberwise(() => broker)
}
