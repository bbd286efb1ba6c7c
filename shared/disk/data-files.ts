/** What lies in DATA_DIR and must outlive the process, by name. */
export const LOG_FILE = 'log.db'
export const STORE_FILE = 'orders.db'
export const ORDER_ID_SECRET_FILE = 'order-id-secret'
export const FUNCTIONS_KEY_FILE = 'functions-key'
