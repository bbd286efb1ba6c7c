import { OrderError } from '../../domain/errors.ts'
import type { DeadLetters, KeptDeadLetter } from '../../ports/dead-letters.ts'

/** At most this many letters are in memory at once, because letters may be large. */
const LETTERS_AT_ONCE = 20

/** The named letters that are `dead`, in groups. Rejects with `dead-letter-not-found` if one of the ids is unknown. */
export async function* deadAmong(
  deadLetters: Pick<DeadLetters, 'get'>,
  ids: readonly string[],
): AsyncGenerator<readonly KeptDeadLetter[]> {
  for (let start = 0; start < ids.length; start += LETTERS_AT_ONCE) {
    const some = ids.slice(start, start + LETTERS_AT_ONCE)
    const letters = await Promise.all(some.map((id) => getLetter(deadLetters, id)))
    yield letters.filter(({ state }) => state === 'dead')
  }
}

async function getLetter(deadLetters: Pick<DeadLetters, 'get'>, id: string): Promise<KeptDeadLetter> {
  const letter = await deadLetters.get(id)
  if (letter === undefined) throw new OrderError('dead-letter-not-found', `No dead letter has the id ${id}.`)
  return letter
}

export function noneIsDead(): OrderError {
  return new OrderError('conflict', 'No matching letter is dead.')
}
