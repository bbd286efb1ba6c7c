import { takeKeyOfAddress } from './session.js'

/** Runs before everything else of the page, so that a key stands in the address no longer than it must. */
takeKeyOfAddress()
