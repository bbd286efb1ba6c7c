-- A redrive by a filter takes its letters some at a time. While it does, the filter is here as JSON, so that another process
-- can go on when the one that began dies.
ALTER TABLE redrive_tasks ADD COLUMN gathering TEXT;
