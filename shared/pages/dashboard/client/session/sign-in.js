import { takeKeyOfAddress } from './session.js'

/** Runs first, so that the key is removed from the address as early as possible. */
takeKeyOfAddress()
