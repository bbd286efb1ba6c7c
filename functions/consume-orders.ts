import { app } from '@azure/functions'
import { topicsOf } from '../shared/composition-root.ts'
import { kafkaTrigger } from '../shared/triggers.ts'

/** Stores what arrives in the orders topic, a batch at a time; what cannot be stored is parked. */
const { orders, group } = topicsOf()

app.generic(
  'consumeOrders',
  kafkaTrigger({ topic: orders, group }, ({ storeOrders }) => storeOrders),
)
