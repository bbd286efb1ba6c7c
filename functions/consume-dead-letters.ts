import { app } from '@azure/functions'
import { topicsOf } from '../shared/composition-root.ts'
import { kafkaTrigger } from '../shared/triggers.ts'

/** Keeps what arrives in the dead-letter topic, whatever it is, where operators can see and repair it. */
const { deadLetters, deadLetterGroup } = topicsOf()

app.generic(
  'consumeDeadLetters',
  kafkaTrigger({ topic: deadLetters, group: deadLetterGroup }, ({ keepDeadLetters }) => keepDeadLetters),
)
