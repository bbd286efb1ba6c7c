import type { IncomingMessage } from 'node:http'
import { OrderError } from '../../../shared/domain/errors.ts'

export interface RequestTarget {
  /** The encoded path, without dot segments. */
  readonly path: string
  /** The part after `?`, encoded. */
  readonly rawQuery: string
  readonly url: string
}

const HOST = /^[\w.\-[\]:]+$/
const DOT_SEGMENT = /\/(?:\.|%2e)/i
let validHost = ''

/** Throws `invalid-request` if the target or Host cannot be part of a URL. */
export function readTarget({ url: target = '/', headers, httpVersion }: IncomingMessage): RequestTarget {
  // RFC 9112 §3.2. HTTP/1.0 did not have this header.
  if (headers.host === undefined && httpVersion === '1.1') {
    throw new OrderError('invalid-request', 'The header Host is missing.')
  }
  if (!target.startsWith('/')) return absolute(target, headers.host)
  const origin = `http://${checkHost(headers.host ?? 'localhost')}`
  if (DOT_SEGMENT.test(target)) return fromUrl(new URL(origin + target))
  const mark = target.indexOf('?')
  return {
    path: mark < 0 ? target : target.slice(0, mark),
    rawQuery: mark < 0 ? '' : target.slice(mark + 1),
    url: origin + target,
  }
}

/**
 * Clients send the whole URL to a proxy (RFC 9112 §3.2.2), and `*` in an OPTIONS request that concerns the whole
 * server.
 */
function absolute(target: string, host: string | undefined): RequestTarget {
  if (target === '*') return { path: '/*', rawQuery: '', url: `http://${checkHost(host ?? 'localhost')}/*` }
  const url = URL.parse(target)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new OrderError('invalid-request', 'The request target is not a path.')
  }
  return fromUrl(url)
}

function fromUrl(url: URL): RequestTarget {
  return { path: url.pathname, rawQuery: url.search.slice(1), url: url.href }
}

/** Caches the last valid host, because nearly all requests name the same host. */
function checkHost(host: string): string {
  if (host === validHost) return host
  if (!HOST.test(host) || !URL.canParse(`http://${host}/`)) {
    throw new OrderError('invalid-request', 'The header Host is not valid.')
  }
  validHost = host
  return host
}
