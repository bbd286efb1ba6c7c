import type { LogLevel, RetryContext } from '@azure/functions'

/**
 * The messages between the library `@azure/functions` and its host: the part of the (unpublished) types of
 * `@azure/functions-core` that this host uses. The names are the library's.
 */
export interface RpcTypedData {
  readonly string?: string
  readonly json?: string
  readonly bytes?: Uint8Array
  readonly http?: RpcHttpData
  readonly collectionString?: { readonly string: readonly string[] }
  readonly collectionSint64?: { readonly sint64: readonly RpcLong[] }
}

/** A 64-bit number as protobuf represents it. */
export interface RpcLong {
  readonly low: number
  readonly high: number
  readonly unsigned: boolean
}

export interface RpcNullable<T> {
  readonly value?: T
}

export interface RpcHttpData {
  readonly method?: string
  readonly url?: string
  readonly nullableHeaders?: Readonly<Record<string, RpcNullable<string>>>
  readonly nullableQuery?: Readonly<Record<string, RpcNullable<string>>>
  readonly nullableParams?: Readonly<Record<string, RpcNullable<string>>>
  readonly body?: RpcTypedData | null
  readonly statusCode?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: readonly RpcHttpCookie[]
}

export interface RpcHttpCookie {
  readonly name: string
  readonly value: string
  readonly domain?: RpcNullable<string>
  readonly path?: RpcNullable<string>
  readonly expires?: RpcNullable<{ readonly seconds: number }>
  readonly secure?: RpcNullable<boolean>
  readonly httpOnly?: RpcNullable<boolean>
  readonly sameSite?: 'none' | 'lax' | 'strict' | 'explicitNone'
  readonly maxAge?: RpcNullable<number>
}

/** The properties of HTTP and Kafka triggers that this host reads. */
export interface RpcBinding {
  readonly type: string
  readonly direction?: 'in' | 'out'
  readonly route?: string
  readonly methods?: readonly string[]
  readonly authLevel?: string
  readonly topic?: string
  readonly consumerGroup?: string
  readonly cardinality?: string
  readonly dataType?: string
}

export interface RpcDuration {
  readonly seconds: number
}

export interface RpcRetryOptions {
  readonly retryStrategy: 'fixedDelay' | 'exponentialBackoff'
  readonly maxRetryCount: number
  readonly delayInterval?: RpcDuration
  readonly minimumInterval?: RpcDuration
  readonly maximumInterval?: RpcDuration
}

export interface FunctionMetadata {
  readonly name: string
  readonly functionId?: string
  readonly bindings: Readonly<Record<string, RpcBinding>>
  readonly retryOptions?: RpcRetryOptions | undefined
}

export type FunctionCallback = (...inputs: unknown[]) => unknown

export interface RpcInvocationRequest {
  readonly invocationId: string
  readonly inputData: readonly { readonly name: string; readonly data: RpcTypedData }[]
  readonly triggerMetadata?: Readonly<Record<string, RpcTypedData>>
  readonly retryContext?: RetryContext
}

export interface RpcInvocationResponse {
  readonly returnValue?: RpcTypedData | null
}

export type RpcLogCategory = 'user' | 'system' | 'customMetric'
export type InvocationState = 'preInvocationHooks' | 'invocation' | 'postInvocationHooks'

export interface CoreInvocationContext {
  readonly invocationId: string
  readonly request: RpcInvocationRequest
  readonly metadata: FunctionMetadata
  state: InvocationState | undefined
  log(level: LogLevel, category: RpcLogCategory, message: string): void
}

/** The part of the library's `InvocationContext` that a host uses. */
export interface FunctionContext {
  readonly invocationId: string
}

type MaybePromise<T> = T | Promise<T>

export interface InvocationModel {
  getArguments(): MaybePromise<{ context: FunctionContext; inputs: unknown[] }>
  invokeFunction(context: FunctionContext, inputs: unknown[], handler: FunctionCallback): Promise<unknown>
  getResponse(context: FunctionContext, result: unknown): Promise<RpcInvocationResponse>
}

export interface ProgrammingModel {
  getInvocationModel(context: CoreInvocationContext): MaybePromise<InvocationModel>
}
