import { describe, expect, test } from 'vitest'
import { createRouteTable } from '../../../infra/host/http/routes/route-table.ts'

function table(routes: Record<string, string>, methods?: readonly string[]) {
  const entries = Object.entries(routes).map(([name, route]) => ({ name, route, methods, target: name }))
  return createRouteTable(entries)
}

function params(route: string, path: string): Record<string, string> | undefined {
  return table({ only: route }).match('GET', path)?.params
}

describe('the order of routes', () => {
  test('is by function name without regard to case, whatever the order of registration', () => {
    const routes = { zebra: 'api/{id}', Apple: 'api/orders', mango: 'api/{other}' }
    const shuffled = { mango: routes.mango, zebra: routes.zebra, Apple: routes.Apple }
    for (const table_ of [table(routes), table(shuffled)]) {
      expect(table_.match('GET', '/api/orders')?.target).toBe('Apple')
      expect(table_.match('GET', '/api/else')?.target).toBe('mango')
    }
  })

  test('gives a literal route no precedence over a parameter', () => {
    expect(table({ a: 'api/{id}', b: 'api/orders' }).match('GET', '/api/orders')?.target).toBe('a')
  })

  test('skips a function that does not accept the method', () => {
    const routes = createRouteTable([
      { name: 'a', route: 'x', methods: ['GET'], target: 'reads' },
      { name: 'b', route: 'x', methods: ['POST'], target: 'writes' },
      { name: 'c', route: '{*rest}', methods: undefined, target: 'rest' },
    ])
    expect(routes.match('POST', '/x')?.target).toBe('writes')
    expect(routes.match('HEAD', '/x')?.target).toBe('rest')
  })
})

describe('a path', () => {
  test('matches without regard to case and to a slash at the end', () => {
    expect(params('API/Orders/{Id}', '/api/ORDERS/aB/')).toEqual({ Id: 'aB' })
  })

  test('does not match with more, fewer or empty segments', () => {
    expect(params('api/{id}', '/api')).toBeUndefined()
    expect(params('api/{id}', '/api/1/2')).toBeUndefined()
    expect(params('api/{id}', '/api//')).toBeUndefined()
    expect(params('api/{id}/x', '/api//x')).toBeUndefined()
  })

  test('is decoded as Kestrel does, except for an encoded slash', () => {
    expect(params('api/{text}', '/api/a%20%C3%A4%2Fb')).toEqual({ text: 'a ä%2Fb' })
    expect(params('api/orders', '/%61pi/orders')).toEqual({})
  })

  test('that is not percent-encoded UTF-8 is refused', () => {
    expect(() => params('api/{text}', '/api/%ff')).toThrow(expect.objectContaining({ code: 'invalid-request' }))
    expect(() => params('api/{text}', '/api/%zz')).toThrow(expect.objectContaining({ code: 'invalid-request' }))
  })
})

describe('a parameter', () => {
  test('can be optional, or take the rest', () => {
    expect(params('api/{id?}', '/api')).toEqual({})
    expect(params('api/{id?}', '/api/7')).toEqual({ id: '7' })
    expect(params('files/{*rest}', '/files/a/b%20c')).toEqual({ rest: 'a/b c' })
    expect(params('{*path}', '/')).toEqual({})
    expect(params('{*path:regex(^a)}', '/a/b')).toEqual({ path: 'a/b' })
    expect(params('{*path:regex(^a)}', '/')).toBeUndefined()
  })

  test('can have several constraints', () => {
    expect(params('{n:int:range(1,5)}', '/5')).toEqual({ n: '5' })
    expect(params('{n:int:range(1,5)}', '/6')).toBeUndefined()
    expect(params('x/{n:int?}', '/x')).toEqual({})
  })
})

describe('constraints, as ASP.NET Core has them', () => {
  const accepted: Record<string, readonly [good: readonly string[], bad: readonly string[]]> = {
    int: [
      ['0', '-7', '+7', '2147483647'],
      ['2147483648', '1.0', 'a', '1e3'],
    ],
    long: [
      ['9223372036854775807', '-9223372036854775808'],
      ['9223372036854775808', 'x'],
    ],
    guid: [
      ['01234567-89ab-cdef-0123-456789ABCDEF', '0123456789abcdef0123456789abcdef'],
      ['01234567', '{01234567-89ab-cdef-0123-456789abcdef', '01234567-89ab-cdef-0123-456789abcdeg'],
    ],
    bool: [
      ['true', 'FALSE'],
      ['1', 'yes'],
    ],
    alpha: [['abcXYZ'], ['a1', 'ä']],
    'length(3)': [['abc'], ['ab', 'abcd']],
    'length(2,3)': [
      ['ab', 'abc'],
      ['a', 'abcd'],
    ],
    'minlength(2)': [['ab'], ['a']],
    'maxlength(2)': [['ab'], ['abc']],
    'min(5)': [
      ['5', '600'],
      ['4', 'a'],
    ],
    'max(5)': [['5', '-600'], ['6']],
    'range(-1,1)': [['-1', '0', '1'], ['2']],
    'regex(^\\d{{3}}$)': [['123'], ['12', '1234']],
    'regex(b)': [['abc', 'ABC'], ['xyz']],
    'regex(^(?!search$|customersearch$))': [
      ['abc', 'searching'],
      ['search', 'SEARCH', 'CustomerSearch'],
    ],
    'regex(^[a-f:=?]+$)': [['a:b=c'], ['g']],
    'regex(^(?:ab(?:c))$)': [['abc'], ['ab']],
    'regex(^(a):b$)': [['a:b'], ['a']],
    'regex(^[^/]+$)': [['a'], []],
    'alpha:regex(^a):length(2)': [['ab'], ['ba', 'abc', 'a1']],
  }
  for (const [constraint, [good, bad]] of Object.entries(accepted)) {
    test(`${constraint} accepts ${good.join(' ')} and refuses ${bad.join(' ')}`, () => {
      const taken = [...good, ...bad].filter((value) =>
        params(`x/{v:${constraint}}`, `/x/${encodeURIComponent(value)}`),
      )
      expect(taken).toEqual(good)
    })
  }
})

describe('a route that this host cannot serve', () => {
  test.each([
    [
      '{v:even}',
      'support the constraint "even"; use one of int, long, guid, bool, alpha, min,',
      'or write {v} and check',
    ],
    ['{price:decimal}', 'support the constraint "decimal"', 'write {price} and check its value in the function.'],
    ['{day:datetime}', 'support the constraint "datetime"', 'write {day} and check its value in the function.'],
    ['{v:length(x)}', 'support the constraint "length(x)"', 'or write {v}'],
    ['{v:int(3)}', 'support the constraint "int(3)"', 'or write {v}'],
    ['{v:int(}', 'support the constraint "int("', 'or write {v}'],
    ['{v:range(1)}', 'support the constraint "range(1)"', 'or write {v}'],
    ['files/{name}.{extension}', 'support "{name}.{extension}"', 'write {name} and parse its value'],
    ['v{version:int}', 'support "v{version:int}"', 'write {name} and parse its value'],
    ['api/{id=5}', 'the default value in "{id=5}"', 'write {name?} and set the default'],
    ['{n:int=5}', 'the default value in "{n:int=5}"', 'write {name?} and set the default'],
    ['{*path=home}', 'the default value in "{*path=home}"', 'write {name?} and set the default'],
    ['{v:regex(()}', 'Invalid regular expression', ''],
    ['{v', 'support "{v"', 'write {name}'],
    ['a}b', 'support "a}b"', 'write {name}'],
    ['{}', '"{}" names no parameter', 'write {name}'],
    ['{a}/{A}', 'the parameter "a" appears more than once', 'rename one'],
    ['{*a}/b', 'a catch-all parameter can only be the last segment', 'move it to the end'],
  ])('%s is refused by the names of function and route, with what to write instead', (route, reason, instead) => {
    const refused = () => table({ broken: route, other: 'x' })
    expect(refused).toThrow(`The route "${route}" of the function broken cannot be served: `)
    expect(refused).toThrow(reason)
    expect(refused).toThrow(instead)
  })
})
