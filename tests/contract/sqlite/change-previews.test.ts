import { changePreviewsContract } from '../store/change-previews.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

changePreviewsContract('SQLite', openSqlite)
