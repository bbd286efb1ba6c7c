-- The audit takes more actions. The program has their list: the check has a name of the server's own.
DECLARE @check NVARCHAR(128);
SELECT @check = c.name FROM sys.check_constraints AS c WHERE c.parent_object_id = OBJECT_ID('audit');
IF @check IS NOT NULL
BEGIN
  EXEC('ALTER TABLE audit DROP CONSTRAINT ' + @check);
END;
