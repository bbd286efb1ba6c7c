import { changePreviewsContract } from '../store/changes/change-previews.contract.ts'
import { describeMssql } from '../open-mssql.ts'

describeMssql((open) => changePreviewsContract('SQL Server', open))
