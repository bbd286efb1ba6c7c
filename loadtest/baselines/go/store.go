package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	_ "github.com/mattn/go-sqlite3"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxBatch is the maximum size of the product's deliveries.
const maxBatch = 1000

// The tables of one-by-one-store.ts. They are written with FULL durability, as in the product.
const (
	options = "?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate"
	schema  = `
		CREATE TABLE orders (id TEXT PRIMARY KEY, customer_id INTEGER, name TEXT, total REAL, json TEXT) STRICT;
		CREATE TABLE items (order_id TEXT, line INTEGER, code TEXT, quantity INTEGER, price REAL, PRIMARY KEY (order_id, line))
			STRICT;`
	insertOrder = "INSERT INTO orders VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
	insertItem  = "INSERT INTO items VALUES (?, ?, ?, ?, ?)"
)

type store struct {
	directory   string
	db          *sql.DB
	insertOrder *sql.Stmt
	insertItem  *sql.Stmt
	stored      atomic.Int64
}

func openStore() (*store, error) {
	directory, err := os.MkdirTemp("", "baseline-")
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(directory, "orders.db")+options)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(schema); err != nil {
		return nil, err
	}
	s := &store{directory: directory, db: db}
	if s.insertOrder, err = db.Prepare(insertOrder); err != nil {
		return nil, err
	}
	s.insertItem, err = db.Prepare(insertItem)
	return s, err
}

func (s *store) close() {
	s.db.Close()
	os.RemoveAll(s.directory)
}

// consume stores each batch in one transaction, and commits its offsets afterwards.
func (s *store) consume(ctx context.Context, consumer *kgo.Client) error {
	for {
		fetches := consumer.PollRecords(ctx, maxBatch)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		if err := s.storeBatch(fetches.Records()); err != nil {
			return err
		}
		if err := consumer.CommitUncommittedOffsets(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		consumer.AllowRebalance()
	}
}

func (s *store) storeBatch(records []*kgo.Record) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	orders, items := tx.Stmt(s.insertOrder), tx.Stmt(s.insertItem)
	var stored int64
	for _, record := range records {
		changes, err := storeOrder(orders, items, record)
		if err != nil {
			return err
		}
		stored += changes
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.stored.Add(stored)
	return nil
}

// storeOrder returns 0 for an order that is already stored.
func storeOrder(orders, items *sql.Stmt, record *kgo.Record) (int64, error) {
	var o order
	if err := json.Unmarshal(record.Value, &o); err != nil {
		return 0, err
	}
	if err := o.validate(); err != nil {
		return 0, fmt.Errorf("offset %d of partition %d: %w", record.Offset, record.Partition, err)
	}
	id := string(record.Key)
	result, err := orders.Exec(id, o.CustomerID, o.CustomerName+" "+o.CustomerLastName, *o.TotalPrice, string(record.Value))
	if err != nil {
		return 0, err
	}
	changes, err := result.RowsAffected()
	if err != nil || changes == 0 {
		return 0, err
	}
	for line, i := range o.OrderItems {
		if _, err := items.Exec(id, line, i.ItemCode, i.Quantity, *i.Price); err != nil {
			return 0, err
		}
	}
	return changes, nil
}
