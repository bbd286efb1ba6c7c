/** Invented names. */
const FIRST_NAMES = 'Alex Robin Sam Kim Charlie Jules Noa Sascha Andrea Luca Mika Toni Nicola Jean Marian Dana'.split(
  ' ',
)
const LAST_NAMES = 'Example Sample Specimen Placeholder Template Pattern Model Fixture Instance Prototype'.split(' ')
const STREETS = 'Sample Street,Example Road,Model Lane,Test Avenue,Pattern Square,Template Way'.split(',')
const TOWNS = 'Exampleton,Sampleford,Testbury,Modelham,Patternstad,Templatehausen'.split(',')
const BRANDS = 'Acorn Birch Cedar Dahlia Elder Fern Ginkgo Hazel Iris Juniper'.split(' ')
const TYPES = 'Shirt Trousers Jacket Shoes Hat Scarf Gloves Socks Belt Coat Dress Pullover'.split(' ')
const SIZES = 'XS S M L XL XXL'.split(' ')
const COLOURS = 'Black White Blue Green Red Grey Brown Yellow'.split(' ')
const CUSTOMERS = 100_000
const ITEM_CODES = 5_000

export interface Orders {
  /** The next order's JSON, as a caller would send it. */
  next(): string
  /** The JSON of an amendment that fits every order: a new address. */
  amendment(): string
  /** A random customer id, for queries. */
  customerId(): number
  /** A word that occurs in orders. */
  searchTerm(): string
}

/** The same seed produces the same orders. */
export function createOrders(seed: number): Orders {
  const random = createRandom(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <Value>(values: readonly Value[]): Value => values[below(values.length)] as Value
  let made = 0

  const address = () => `${1 + below(200)} ${pick(STREETS)}, ${10_000 + below(90_000)} ${pick(TOWNS)}`

  function item(currencyType: number) {
    return {
      itemCode: `IC-${String(below(ITEM_CODES)).padStart(5, '0')}`,
      brand: pick(BRANDS),
      type: pick(TYPES),
      size: pick(SIZES),
      colour: pick(COLOURS),
      quantity: 1 + below(3),
      price: (499 + below(20_000)) / 100,
      currencyType,
    }
  }

  return {
    next() {
      made += 1
      const currencyType = 1 + below(3)
      // Most orders have one to three items, as is typical of a shop; a tenth have four to eleven.
      const orderItems = Array.from({ length: random() < 0.9 ? 1 + below(3) : 4 + below(8) }, () => item(currencyType))
      const cents = orderItems.reduce((total, { price, quantity }) => total + Math.round(price * 100) * quantity, 0)
      const [customerName, customerLastName] = [pick(FIRST_NAMES), pick(LAST_NAMES)]
      const shippingAddress = address()
      return JSON.stringify({
        customerId: 1 + below(CUSTOMERS),
        customerName,
        customerLastName,
        customerEmail: `${customerName}.${customerLastName}.${made}@example.com`.toLowerCase(),
        shippingAddress,
        billingAddress: random() < 0.8 ? shippingAddress : address(),
        currencyType,
        totalPrice: cents / 100,
        paymentMethodType: 1 + below(5),
        orderItems,
      })
    },
    amendment: () => JSON.stringify({ shippingAddress: address() }),
    customerId: () => 1 + below(CUSTOMERS),
    searchTerm: () => pick(random() < 0.5 ? LAST_NAMES : BRANDS).toLowerCase(),
  }
}

/** Mulberry32, a public-domain 32-bit generator by Tommy Ettinger: small, fast, and good enough for test data. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
