// An order's journey with oapi-codegen's client. Arguments: the product's URL and key.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"time"

	"clients/oapi"

	"github.com/google/uuid"
)

const customer = int64(3_000_000_000)

var (
	issuedNever = uuid.MustParse("01990000-0000-7000-8000-000000000000")
	wait        = "wait=30"
	background  = context.Background()
)

func main() {
	client, err := oapi.NewClientWithResponses(os.Args[1])
	must(err)
	withKey := func(_ context.Context, request *http.Request) error {
		request.Header.Set("x-functions-key", os.Args[2])
		return nil
	}

	// An order is placed with a wait, and again under the same key.
	key := rand.Text()
	first, err := client.PlaceOrderWithResponse(background, &oapi.PlaceOrderParams{IdempotencyKey: &key, Prefer: &wait}, order(1234567.89))
	must(err)
	stored := first.JSON201
	equal(stored.Status, oapi.OrderStatusStored)
	equal(*stored.CustomerId, customer)
	equal(*stored.TotalPrice, 1234567.89)
	equal(*stored.CurrencyType, oapi.CurrencyEUR)
	repeated, err := client.PlaceOrderWithResponse(background, &oapi.PlaceOrderParams{IdempotencyKey: &key}, order(1234567.89))
	must(err)
	equal(repeated.JSON202.OrderId, stored.OrderId)

	// An order is placed without a wait, and then waited for.
	second, err := client.PlaceOrderWithResponse(background, nil, order(187.35))
	must(err)
	placed := second.JSON202
	found, err := client.GetOrderWithResponse(background, placed.OrderId, &oapi.GetOrderParams{Prefer: &wait})
	must(err)
	equal(found.JSON200.Status, oapi.OrderStatusStored)
	equal(*found.JSON200.TotalPrice, 187.35)
	equal((*found.JSON200.OrderItems)[0].Price, 119.9)

	// Both are in the list, which is read a page at a time.
	var listed []uuid.UUID
	limit, of := int32(2), customer
	for query := (oapi.ListOrdersParams{CustomerId: &of, Limit: &limit}); ; {
		page, err := client.ListOrdersWithResponse(background, &query)
		must(err)
		for _, one := range page.JSON200.Items {
			listed = append(listed, one.OrderId)
		}
		if query.Cursor = page.JSON200.NextCursor; query.Cursor == nil {
			break
		}
	}
	equal(slices.Contains(listed, stored.OrderId) && slices.Contains(listed, placed.OrderId), true)

	history, err := client.OrderHistoryWithResponse(background, stored.OrderId)
	must(err)
	equal(len(history.JSON200.Items), 2)
	equal(history.JSON200.Items[0].Kind, oapi.HistoryEntryKindAccepted)
	equal(history.JSON200.Items[1].Kind, oapi.HistoryEntryKindStored)
	equal(history.JSON200.NextCursor == nil, true)

	// Errors come back as problem documents.
	missing, err := client.GetOrderWithResponse(background, issuedNever, nil)
	must(err)
	equal(missing.ApplicationproblemJSON404.Status, int32(404))
	equal(missing.ApplicationproblemJSON404.Type, "/docs/errors#order-not-found")
	refused, err := client.PlaceOrderWithResponse(background, nil, order(0.00001))
	must(err)
	equal((*refused.ApplicationproblemJSON400.Errors)[0].Pointer, "/totalPrice")
	equal(refused.ApplicationproblemJSON400.RequestId, refused.Headers400.XRequestId)
	unsigned, err := client.ListDeadLettersWithResponse(background, nil)
	must(err)
	equal(unsigned.ApplicationproblemJSON401.Status, int32(401))

	// A dead letter is read in the list, on its own, and as a file.
	one := int32(1)
	page, err := client.ListDeadLettersWithResponse(background, &oapi.ListDeadLettersParams{Limit: &one}, withKey)
	must(err)
	whole, err := client.GetDeadLetterWithResponse(background, page.JSON200.Items[0].Id, withKey)
	must(err)
	letter := whole.JSON200
	equal(time.Since(time.UnixMilli(letter.RecordTimestamp)).Abs() < 24*time.Hour, true)
	fixture, err := client.DeadLetterFixtureWithResponse(background, letter.Id, withKey)
	must(err)
	record := fixture.JSON200.Record
	equal(fmt.Sprintf("%s:%d:%d", record.Topic, record.Partition, record.Offset), letter.Id)
	equal(record.Timestamp, letter.RecordTimestamp)
	equal(*record.Value, letter.Value.Base64)
	equal(len(record.Headers), len(letter.Headers))
	for index, pair := range record.Headers {
		equal(*pair[0], letter.Headers[index].Name)
		equal(*pair[1], base64.StdEncoding.EncodeToString(letter.Headers[index].Value.Base64))
	}
}

func order(totalPrice float64) oapi.OrderCommand {
	text, err := os.ReadFile("order.json")
	must(err)
	var command oapi.OrderCommand
	must(json.Unmarshal(text, &command))
	command.CustomerId, command.TotalPrice = customer, totalPrice
	return command
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("%v instead of %v", found, expected))
	}
}
