import { CLEAR_REBUILT, inStep } from './rebuild-sql.ts'

/** Compares text byte by byte, because all collations, even binary ones, ignore trailing spaces. */
const textsDiffer = (columns: readonly string[]) =>
  columns.map((column) => `CAST(l.${column} AS VARBINARY(800)) <> CAST(r.${column} AS VARBINARY(800))`)
const valuesDiffer = (columns: readonly string[]) => columns.map((column) => `l.${column} <> r.${column}`)

const ORDER_TEXTS = ['customer_name', 'customer_last_name', 'customer_email', 'shipping_address', 'billing_address']
const ORDER_VALUES = ['customer_id', 'currency', 'total_price', 'payment_method', 'accepted_at', 'body_hash']
const ITEM_TEXTS = ['item_code', 'brand', 'type', 'size', 'colour']
const ITEM_VALUES = ['quantity', 'price', 'currency']

const ORDER_DIFFERS = [
  ...valuesDiffer(ORDER_VALUES),
  ...textsDiffer(ORDER_TEXTS),
  "COALESCE(l.idempotency_key_hash, '') <> COALESCE(r.idempotency_key_hash, '')",
  'COALESCE(CAST(l.reference AS VARBINARY(800)), 0x) <> COALESCE(CAST(r.reference AS VARBINARY(800)), 0x)',
  'COALESCE(CAST(l.metadata AS VARBINARY(MAX)), 0x) <> COALESCE(CAST(r.metadata AS VARBINARY(MAX)), 0x)',
  'COALESCE(l.forgotten, 0) <> COALESCE(r.forgotten, 0)',
].join('\n    OR ')
const ITEM_DIFFERS = [...valuesDiffer(ITEM_VALUES), ...textsDiffer(ITEM_TEXTS)].join('\n    OR ')
const SET_ORDER = [...ORDER_VALUES, ...ORDER_TEXTS, 'idempotency_key_hash', 'reference', 'metadata', 'forgotten'].map(
  (column) => `${column} = r.${column}`,
)

/**
 * Replaces the live rows that differ from the rebuilt ones. Orders that were stored during the rebuild are not among
 * the rebuilt ones and stay as they are, because the current code wrote them. Such an order can have any `seq`, because
 * identity values are not assigned in commit order. Both sides are read in primary key order.
 *
 * If an order was changed during the rebuild, its version differs from that of the rebuilt order. The current code
 * wrote that change, so the live order and its search words are left unchanged. The search words of a changed order are
 * also left unchanged if no record of the order was found. No change is written during this transaction, because
 * TAKE_TURNS waits for the rebuild's row (turns-sql.ts).
 *
 * The swap may write every row, and these tables do not escalate row locks to the whole table (migration 9), so it uses
 * PAGLOCK. There are about a hundred times fewer pages than rows, so the locks fit in the server's memory ("Table
 * hints", "Resolve blocking problems caused by lock escalation"). Locks on rows that turn out not to differ are
 * released after reading.
 */
export const SWAP_ORDERS = inStep(`
  DELETE x
  FROM rebuilt_items AS x
  JOIN orders AS l ON l.seq = x.order_seq
  JOIN rebuilt_orders AS r ON r.seq = l.seq
  WHERE r.version <> l.version;

  DELETE w
  FROM rebuilt_words AS w
  JOIN orders AS l ON l.seq = w.order_seq
  LEFT JOIN rebuilt_orders AS r ON r.seq = l.seq
  WHERE l.version > 1 AND (r.seq IS NULL OR r.version <> l.version);

  DELETE r
  FROM rebuilt_orders AS r
  JOIN orders AS l ON l.seq = r.seq
  WHERE r.version <> l.version;

  UPDATE l
  SET ${SET_ORDER.join(',\n    ')}
  FROM orders AS l WITH (PAGLOCK)
  JOIN rebuilt_orders AS r ON r.seq = l.seq
  WHERE ${ORDER_DIFFERS};

  DELETE l
  FROM order_items AS l WITH (PAGLOCK)
  JOIN rebuilt_orders AS o ON o.seq = l.order_seq
  LEFT JOIN rebuilt_items AS r ON r.order_seq = l.order_seq AND r.line = l.line
  WHERE r.line IS NULL
    OR ${ITEM_DIFFERS};

  INSERT INTO order_items WITH (PAGLOCK) (order_seq, line, item_code, brand, type, size, colour, quantity, price, currency)
  SELECT r.order_seq, r.line, r.item_code, r.brand, r.type, r.size, r.colour, r.quantity, r.price, r.currency
  FROM rebuilt_items AS r
  JOIN orders AS o ON o.seq = r.order_seq
  WHERE NOT EXISTS (SELECT 1 FROM order_items AS l WHERE l.order_seq = r.order_seq AND l.line = r.line);

  DELETE l
  FROM order_words AS l WITH (PAGLOCK)
  LEFT JOIN rebuilt_words AS r ON r.order_seq = l.order_seq AND r.word = l.word AND r.in_name = l.in_name
  WHERE r.order_seq IS NULL AND (
    EXISTS (SELECT 1 FROM rebuilt_orders AS d WHERE d.seq = l.order_seq)
    OR EXISTS (SELECT 1 FROM rebuilt_words AS d WHERE d.order_seq = l.order_seq)
  );

  INSERT INTO order_words WITH (PAGLOCK) (word, order_seq, in_name)
  SELECT r.word, r.order_seq, r.in_name
  FROM rebuilt_words AS r
  JOIN orders AS o ON o.seq = r.order_seq
  WHERE NOT EXISTS (SELECT 1 FROM order_words AS l WHERE l.word = r.word AND l.order_seq = r.order_seq);
${CLEAR_REBUILT}
  UPDATE rebuild SET state = 'done' WHERE only_row = 1;`)
