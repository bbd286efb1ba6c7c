import type { DeadLetterGroup, DeadLetterSummary, Waiting } from '../../../shared/ports/dead-letters.ts'
import { given, idSegment, REASON, required, type Command, type CommandContext } from '../command.ts'
import { readJsonFile, writeJsonFile } from '../json-file.ts'
import { PAGE, query, showPage } from '../pages.ts'
import { causeText, toSecond } from '../table.ts'

const FILTERS = {
  state: { type: 'string', help: 'dead, redriven, resolved, superseded or discarded' },
  fingerprint: { type: 'string', help: 'a group (see dead-letters groups)' },
  code: { type: 'string', help: 'error code of the last failure' },
  order: { type: 'string', help: 'an order id' },
  from: { type: 'string', help: 'last failed at or after this time (RFC 3339)' },
  to: { type: 'string', help: 'last failed before this time' },
  foreign: { type: 'string', help: 'true: only letters of other consumers; false: only our own' },
  ...PAGE,
} as const

export const listDeadLetters: Command = {
  name: 'dead-letters list',
  summary: 'dead letters, newest first',
  examples: ['dead-letters list --state dead', 'dead-letters list --code constraint-violated --limit 200 --json'],
  options: FILTERS,
  async run(context) {
    const address = `/api/dead-letters${filters(context)}`
    const header = ['id', 'state', 'order', 'change', 'waiting', 'consumer group', 'attempts', 'last failed', 'cause']
    const optional = ['consumer group', 'attempts', 'waiting', 'change', 'order', 'state']
    return showPage<DeadLetterSummary & Waiting>(context, address, { header, optional }, (letter) => [
      letter.id,
      letter.state,
      letter.orderId,
      letter.change?.kind,
      letter.waitingChanges,
      letter.consumerGroup,
      letter.attempts === 0 ? null : letter.attempts,
      toSecond(letter.lastFailedAt),
      causeText(letter.lastCause),
    ])
  },
}

export const deadLetterGroups: Command = {
  name: 'dead-letters groups',
  summary: 'dead letters that nobody has repaired yet, grouped by cause',
  examples: ['dead-letters groups', 'dead-letters groups --state all'],
  options: {
    state: { type: 'string', help: `${FILTERS.state.help}, or all (default: dead)` },
    limit: FILTERS.limit,
    cursor: FILTERS.cursor,
  },
  async run(context) {
    const { state = 'dead', ...others } = context.options
    const options = { ...others, ...(state !== 'all' && { state }) }
    const address = `/api/dead-letters/groups${filters({ ...context, options })}`
    const header = ['fingerprint', 'count', 'first seen', 'last seen', 'example', 'consumer group', 'cause']
    const optional = ['consumer group', 'first seen', 'example']
    return showPage<DeadLetterGroup>(context, address, { header, optional }, (group) => [
      group.fingerprint,
      group.count,
      toSecond(group.firstSeen),
      toSecond(group.lastSeen),
      group.sampleId,
      group.consumerGroup,
      `${group.cause.code}: ${group.exception ?? group.cause.detail}`,
    ])
  },
}

export const showDeadLetter: Command = {
  name: 'dead-letters show',
  usage: '<id>',
  summary: 'one dead letter with its payload and headers',
  examples: ['dead-letters show orders:2:41'],
  takes: 1,
  async run(context) {
    const letter = await context.client.request('GET', path(context))
    return { answer: letter, words: JSON.stringify(letter, null, 2) }
  },
}

export const restoreDeadLetter: Command = {
  name: 'dead-letters restore',
  usage: '<id>',
  summary: 'undoes a discard',
  examples: ['dead-letters restore orders:2:41 --reason "The customer called."'],
  takes: 1,
  options: REASON,
  async run(context) {
    const answer = await context.client.request('POST', `${path(context)}/restore`, given(context, 'reason'))
    return { answer, words: `${required(context, 0, 'The id')} is dead again, and can be redriven.` }
  },
}

export const editDeadLetter: Command = {
  name: 'dead-letters edit',
  usage: '<id> <file>',
  processes: true,
  summary: 'sends the order in a JSON file instead of the dead letter; the original is kept',
  examples: ['dead-letters edit orders:2:41 order.json --reason "The colour was too long."'],
  takes: 2,
  options: REASON,
  async run(context) {
    const order = readJsonFile(required(context, 1, 'The file'))
    const answer = await context.client.request('PUT', `${path(context)}/payload${query(context, ['reason'])}`, order)
    return { answer, words: `${required(context, 0, 'The id')} was sent with the new payload.` }
  },
}

export const exportDeadLetter: Command = {
  name: 'dead-letters export',
  usage: '<id> <file>',
  summary: 'writes a dead letter to a fixture file for `replay-fixture`',
  examples: ['dead-letters export orders:2:41 letter.json'],
  takes: 2,
  async run(context) {
    const file = required(context, 1, 'The file')
    const fixture = await context.client.request('GET', `${path(context)}/fixture`)
    writeJsonFile(file, fixture)
    return { answer: { file }, words: `Written to ${file}.` }
  },
}

function path(context: CommandContext): string {
  return `/api/dead-letters/${idSegment(context)}`
}

function filters(context: CommandContext): string {
  return query(context, Object.keys(FILTERS), { code: 'cause', order: 'orderId' })
}
