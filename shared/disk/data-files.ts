/** The files in DATA_DIR that must outlive the process. */
export const LOG_FILE = 'log.db'
export const STORE_FILE = 'orders.db'
export const ORDER_ID_SECRET_FILE = 'order-id-secret'
export const FUNCTIONS_KEY_FILE = 'functions-key'
