// A compiled peer: net/http, franz-go and SQLite, as a Go team would write it. Each request awaits the acknowledgement
// of all in-sync replicas, and the consumer stores the records of each poll in one durable transaction. Orders are
// validated as in the product; there is no history, search or ledger. Settings and routes are those of
// express-kafkajs.ts.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	partitions   = 6
	maxBodyBytes = 1 << 20
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	brokers := kgo.SeedBrokers(strings.Split(os.Getenv("KAFKA_BROKERS"), ",")...)
	topic := cmp.Or(os.Getenv("BASELINE_TOPIC"), "loadtest-baseline")
	group := cmp.Or(os.Getenv("BASELINE_GROUP"), topic)
	// By default, a record waits 10 ms for others, which would limit 50 callers to 5,000 orders a second.
	producer, err := kgo.NewClient(brokers, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer producer.Close()
	_, err = kadm.NewClient(producer).CreateTopic(ctx, partitions, 1, nil, topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return err
	}
	orders, err := openStore()
	if err != nil {
		return err
	}
	defer orders.close()

	failed := make(chan error, 2)
	consumed := make(chan struct{})
	if os.Getenv("BASELINE_STORING") == "on" {
		consumer, err := kgo.NewClient(brokers, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())
		if err != nil {
			return err
		}
		defer consumer.CloseAllowingRebalance()
		go func() {
			defer close(consumed)
			if err := orders.consume(ctx, consumer); err != nil {
				failed <- err
			}
		}()
	} else {
		close(consumed)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := http.Server{Handler: routes(producer, orders)}
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("http://%s\n", listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		<-consumed
		return server.Close()
	}
}

func routes(producer *kgo.Client, orders *store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/orders", func(w http.ResponseWriter, r *http.Request) {
		placeOrder(w, r, producer)
	})
	mux.HandleFunc("GET /stored", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]int64{"stored": orders.stored.Load()})
	})
	return mux
}

func placeOrder(w http.ResponseWriter, r *http.Request, producer *kgo.Client) {
	var o order
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes)).Decode(&o)
	if err == nil {
		err = o.validate()
	}
	if err != nil {
		respond(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	value, err := json.Marshal(&o)
	if err != nil {
		respond(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	id := uuid.NewString()
	record := &kgo.Record{Key: []byte(id), Value: value}
	if err := producer.ProduceSync(r.Context(), record).FirstErr(); err != nil {
		respond(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
		return
	}
	w.Header().Set("Location", "/api/orders/"+id)
	respond(w, http.StatusAccepted, map[string]string{"orderId": id, "status": "accepted"})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The caller may be gone, and then nobody reads the error.
	_ = json.NewEncoder(w).Encode(body)
}
