import { changePreviewsContract } from '../store/changes/change-previews.contract.ts'
import { openSqlite } from '../open-sqlite.ts'

changePreviewsContract('SQLite', openSqlite)
