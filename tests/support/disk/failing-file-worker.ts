import { serveFile } from '../../../shared/threads/serve-file.ts'

/** Serves a file. Each request says which steps will fail, and each answer lists all the steps attempted so far. */
type Step = 'open' | 'work' | 'mend' | 'close' | 'tidy'
export type Plan = Partial<Record<Step, number>> & { readonly once?: true }

const done: string[] = []
let plan: Plan = {}

function step(name: Step): void {
  done.push(name)
  const errcode = plan[name]
  if (errcode !== undefined) throw Object.assign(new Error(`${name} failed`), { code: 'ERR_SQLITE_ERROR', errcode })
}

serveFile({
  open() {
    step('open')
    return {
      work(planned: Plan) {
        plan = planned
        step('work')
        return [...done]
      },
      tidy() {
        step('tidy')
        return plan.once === true ? 'close' : undefined
      },
      close: () => step('close'),
    }
  },
  areSound() {
    step('mend')
    return true
  },
  pack: (error) => error,
})
