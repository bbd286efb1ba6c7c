import { programmingModel } from './functions-core.ts'
import { LeanContext, type TriggerMetadata } from './lean-context.ts'
import type { CoreInvocationContext, FunctionCallback, InvocationModel, RpcInvocationResponse } from './rpc.ts'

/**
 * Replaces the library's InvocationModel if the function's input needs no conversion. Results are still converted by
 * the library.
 */
export class LeanModel implements InvocationModel {
  readonly #core: CoreInvocationContext
  readonly #input: unknown
  readonly #context: LeanContext

  constructor(core: CoreInvocationContext, input: unknown, readMetadata?: () => TriggerMetadata) {
    this.#core = core
    this.#input = input
    this.#context = new LeanContext(core, readMetadata)
  }

  getArguments() {
    return { context: this.#context, inputs: [this.#input] }
  }

  async invokeFunction(context: LeanContext, inputs: unknown[], handler: FunctionCallback): Promise<unknown> {
    try {
      return await handler(...inputs, context)
    } finally {
      this.#context.isDone = true
    }
  }

  async getResponse(context: LeanContext, result: unknown): Promise<RpcInvocationResponse> {
    const model = await programmingModel().getInvocationModel(this.#core)
    return model.getResponse(context, result)
  }
}
