import { takeKeyOfAddress } from './session.js'

/** Runs first, so that the key leaves the address as early as possible. */
takeKeyOfAddress()
