/** The version of the API and of the product (package.json). */
export const API_VERSION = '0.1.0'
