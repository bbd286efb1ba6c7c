/** A routed request, from which both ways of invoking a function create the HttpRequest. */
export interface RoutedRequest {
  readonly method: string
  /** The absolute URL. */
  readonly url: string
  /** The part after `?`, encoded. */
  readonly rawQuery: string
  /** Names are in lower case; repeated headers are joined. */
  readonly headers: Readonly<Record<string, string>>
  /** The decoded route parameters. */
  readonly params: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
}

/** A response. `set-cookie` may have several values. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: Uint8Array | string | undefined
}
