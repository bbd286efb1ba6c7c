package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// order has the fields and limits of the product's newOrderCommandSchema. A pointer distinguishes a missing member from
// one that is empty or zero.
type order struct {
	CustomerID        int64             `json:"customerId"`
	CustomerName      string            `json:"customerName"`
	CustomerLastName  string            `json:"customerLastName"`
	CustomerEmail     *string           `json:"customerEmail"`
	ShippingAddress   string            `json:"shippingAddress"`
	BillingAddress    string            `json:"billingAddress"`
	CurrencyType      currency          `json:"currencyType"`
	TotalPrice        *float64          `json:"totalPrice"`
	PaymentMethodType paymentMethod     `json:"paymentMethodType"`
	OrderItems        []item            `json:"orderItems"`
	Reference         *string           `json:"reference,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
}

type item struct {
	ItemCode     string   `json:"itemCode"`
	Brand        string   `json:"brand"`
	Type         string   `json:"type"`
	Size         *string  `json:"size"`
	Colour       *string  `json:"colour"`
	Quantity     int64    `json:"quantity"`
	Price        *float64 `json:"price"`
	CurrencyType currency `json:"currencyType"`
}

type (
	currency      string
	paymentMethod string
)

var (
	currencies     = []string{"EUR", "USD", "GBP"}
	paymentMethods = []string{"PayPal", "Invoice", "OnlineBankTransfer", "CreditCard", "DirectDebit"}
	metadataName   = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
)

const (
	maxSafeInteger = 1<<53 - 1
	maxAmount      = 9_999_999_999.9999
	maxItems       = 500
	maxEntries     = 20
)

func (c *currency) UnmarshalJSON(json []byte) error {
	name, err := numberedName(json, currencies)
	*c = currency(name)
	return err
}

func (p *paymentMethod) UnmarshalJSON(json []byte) error {
	name, err := numberedName(json, paymentMethods)
	*p = paymentMethod(name)
	return err
}

// numberedName reads a name, or its number, counted from 1.
func numberedName(json []byte, names []string) (string, error) {
	if number, err := strconv.Atoi(string(json)); err == nil && number >= 1 && number <= len(names) {
		return names[number-1], nil
	}
	if name, err := strconv.Unquote(string(json)); err == nil && slices.Contains(names, name) {
		return name, nil
	}
	return "", fmt.Errorf("must be one of %s, or its number", strings.Join(names, ", "))
}

// validate returns all violations, joined.
func (o *order) validate() error {
	var found []error
	check := func(member string, holds bool) {
		if !holds {
			found = append(found, errors.New(member+" is not valid"))
		}
	}
	check("customerId", o.CustomerID >= 1 && o.CustomerID <= maxSafeInteger)
	check("customerName", isFilled(o.CustomerName, 100, ""))
	check("customerLastName", isFilled(o.CustomerLastName, 100, ""))
	check("customerEmail", o.CustomerEmail != nil && isEmail(*o.CustomerEmail))
	check("shippingAddress", isFilled(o.ShippingAddress, 200, manyLines))
	check("billingAddress", isFilled(o.BillingAddress, 200, manyLines))
	check("currencyType", o.CurrencyType != "")
	check("totalPrice", isAmount(o.TotalPrice))
	check("paymentMethodType", o.PaymentMethodType != "")
	check("orderItems", len(o.OrderItems) >= 1 && len(o.OrderItems) <= maxItems)
	for line := range o.OrderItems {
		check(fmt.Sprintf("orderItems/%d", line), o.OrderItems[line].isValid())
	}
	check("reference", o.Reference == nil || isFilled(*o.Reference, 100, ""))
	check("metadata", len(o.Metadata) <= maxEntries)
	for name, value := range o.Metadata {
		check("metadata/"+name, metadataName.MatchString(name) && isText(value, 500, manyLines))
	}
	return errors.Join(found...)
}

func (i *item) isValid() bool {
	return isFilled(i.ItemCode, 100, "") && isFilled(i.Brand, 100, "") && isFilled(i.Type, 100, "") &&
		i.Size != nil && isText(*i.Size, 50, "") && i.Colour != nil && isText(*i.Colour, 50, "") &&
		i.Quantity >= 1 && i.Quantity <= math.MaxInt32 && isAmount(i.Price) && i.CurrencyType != ""
}

// The control characters that multi-line text may contain.
const manyLines = "\t\n\r"

func isText(text string, limit int, allowed string) bool {
	isControl := func(letter rune) bool { return unicode.IsControl(letter) && !strings.ContainsRune(allowed, letter) }
	return utf8.RuneCountInString(text) <= limit && !strings.ContainsFunc(text, isControl)
}

func isFilled(text string, limit int, allowed string) bool {
	return isText(text, limit, allowed) && strings.TrimSpace(text) != ""
}

// isEmail accepts empty text, or text on both sides of an @.
func isEmail(text string) bool {
	name, domain, _ := strings.Cut(text, "@")
	return isText(text, 100, "") && (text == "" || name != "" && domain != "")
}

// isAmount accepts at most four decimals.
func isAmount(amount *float64) bool {
	return amount != nil && *amount >= 0 && *amount <= maxAmount && math.Round(*amount*1e4)/1e4 == *amount
}
