// An order's journey with openapi-generator's client for Go. Arguments: the product's URL and key.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"time"

	"clients/openapi"
)

const (
	issuedNever = "01990000-0000-7000-8000-000000000000"
	customer    = int64(3_000_000_000)
)

func main() {
	configuration := openapi.NewConfiguration()
	configuration.Servers = openapi.ServerConfigurations{{URL: os.Args[1]}}
	client := openapi.NewAPIClient(configuration)
	orders, deadLetters := client.OrdersAPI, client.DeadLettersAPI
	anonymous := context.Background()
	operator := context.WithValue(anonymous, openapi.ContextAPIKeys, map[string]openapi.APIKey{"functionKey": {Key: os.Args[2]}})

	// An order is placed with a wait, and again under the same key.
	key := rand.Text()
	stored, _, err := orders.PlaceOrder(anonymous).OrderCommand(order(1234567.89)).IdempotencyKey(key).Prefer("wait=30").Execute()
	must(err)
	equal(stored.Status, openapi.STORED)
	equal(stored.GetCustomerId(), customer)
	equal(stored.GetTotalPrice(), 1234567.89)
	equal(stored.GetCurrencyType(), openapi.EUR)
	repeated, _, err := orders.PlaceOrder(anonymous).OrderCommand(order(1234567.89)).IdempotencyKey(key).Execute()
	must(err)
	equal(repeated.OrderId, stored.OrderId)

	// An order is placed without a wait, and then waited for.
	placed, _, err := orders.PlaceOrder(anonymous).OrderCommand(order(187.35)).Execute()
	must(err)
	found, _, err := orders.GetOrder(anonymous, placed.OrderId).Prefer("wait=30").Execute()
	must(err)
	equal(found.Status, openapi.STORED)
	equal(found.GetTotalPrice(), 187.35)
	equal(found.OrderItems[0].Price, 119.9)

	// Both are in the list, which is read a page at a time.
	var listed []string
	request := orders.ListOrders(anonymous).CustomerId(customer).Limit(2)
	for {
		page, _, err := request.Execute()
		must(err)
		for _, one := range page.Items {
			listed = append(listed, one.OrderId)
		}
		if !page.NextCursor.IsSet() || page.NextCursor.Get() == nil {
			break
		}
		request = request.Cursor(page.GetNextCursor())
	}
	equal(slices.Contains(listed, stored.OrderId) && slices.Contains(listed, placed.OrderId), true)

	history, _, err := orders.OrderHistory(anonymous, stored.OrderId).Execute()
	must(err)
	equal(len(history.Items), 2)
	equal(history.Items[0].Kind+", "+history.Items[1].Kind, "accepted, stored")
	equal(history.NextCursor.Get() == nil, true)

	// Errors come back as problem documents.
	_, _, err = orders.GetOrder(anonymous, issuedNever).Execute()
	equal(problemOf(err).Status, int32(404))
	equal(problemOf(err).Type, "/docs/errors#order-not-found")
	_, _, err = orders.PlaceOrder(anonymous).OrderCommand(order(0.00001)).Execute()
	equal(problemOf(err).Status, int32(400))
	equal(problemOf(err).Errors[0].Pointer, "/totalPrice")
	equal(problemOf(err).RequestId != nil, true)
	_, _, err = deadLetters.ListDeadLetters(anonymous).Execute()
	equal(problemOf(err).Status, int32(401))

	// A dead letter is read in the list, on its own, and as a file.
	page, _, err := deadLetters.ListDeadLetters(operator).Limit(1).Execute()
	must(err)
	letter, _, err := deadLetters.GetDeadLetter(operator, page.Items[0].Id).Execute()
	must(err)
	equal(time.Since(time.UnixMilli(letter.RecordTimestamp)).Abs() < 24*time.Hour, true)
	fixture, _, err := deadLetters.DeadLetterFixture(operator, letter.Id).Execute()
	must(err)
	record := fixture.Record
	equal(fmt.Sprintf("%s:%d:%d", record.Topic, record.Partition, record.Offset), letter.Id)
	equal(record.Timestamp, letter.RecordTimestamp)
	equal(*record.Value.Get(), letter.Value.Get().Base64)
	equal(len(record.Headers), len(letter.Headers))
	for index, pair := range record.Headers {
		equal(*pair[0], letter.Headers[index].Name)
	}
}

func order(totalPrice float64) openapi.OrderCommand {
	text, err := os.ReadFile("order.json")
	must(err)
	var command openapi.OrderCommand
	must(json.Unmarshal(text, &command))
	command.CustomerId, command.TotalPrice = customer, totalPrice
	return command
}

// The problem that a failed call returned, as the client parsed it.
func problemOf(err error) openapi.Problem {
	var failed *openapi.GenericOpenAPIError
	if !errors.As(err, &failed) {
		panic(fmt.Sprintf("no problem: %v", err))
	}
	return failed.Model().(openapi.Problem)
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
