// The part of KEDA's operator that scales the processor: its scale handler, with an in-memory Kubernetes API that holds
// the manifests of infra/kubernetes/base. Argument: the directory of the manifests.
//
// The secret's values come from environment variables named after its keys, and the variable KAFKA_BROKERS replaces the
// setting of that name. The program answers each line of its standard input with a line of JSON: `lag`, the metric that
// the autoscaler gets now, and `instances`, the number that the autoscaler derives from it; or `error`.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers/authentication"
	"github.com/kedacore/keda/v2/pkg/scaling"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"
)

const namespace = "orders"

// Shorter than the manifest's interval, so that checks do not take long.
var pollingInterval int32 = 2

var secretKeys = []string{"KEDA_SASL", "KEDA_TLS", "KEDA_CA", "KAFKA_USERNAME", "KAFKA_PASSWORD"}

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(base string) error {
	ctx := context.Background()
	scaled, objects, err := manifests(base)
	if err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return err
	}
	cluster := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(objects...).WithStatusSubresource(scaled).Build()
	handler := scaling.NewScaleHandler(cluster, nil, scheme.Scheme, 3*time.Second, 3*time.Second, &events.FakeRecorder{},
		&authentication.AuthClientSet{})
	if err := handler.HandleScalableObject(ctx, scaled); err != nil {
		return err
	}
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		answer, err := ask(ctx, handler, scaled)
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
	return questions.Err()
}

// The value that the metrics server passes on, and the number of instances that the autoscaler derives from it: the
// manifest's target is an average per instance.
func ask(ctx context.Context, handler scaling.ScaleHandler, scaled *v1alpha1.ScaledObject) (map[string]any, error) {
	scalers, err := handler.GetScalersCache(ctx, scaled)
	if err != nil {
		return nil, err
	}
	lag, instances := 0.0, float64(*scaled.Spec.MinReplicaCount)
	for _, spec := range scalers.GetMetricSpecForScaling(ctx) {
		metrics, err := handler.GetScaledObjectMetrics(ctx, scaled.Name, namespace, spec.External.Metric.Name)
		if err != nil {
			return nil, err
		}
		value := metrics.Items[0].Value.AsApproximateFloat64()
		lag += value
		instances = max(instances, math.Ceil(value/spec.External.Target.AverageValue.AsApproximateFloat64()))
	}
	return map[string]any{"lag": lag, "instances": min(instances, float64(*scaled.Spec.MaxReplicaCount))}, nil
}

func manifests(base string) (*v1alpha1.ScaledObject, []client.Object, error) {
	scaled, deployment := &v1alpha1.ScaledObject{}, &appsv1.Deployment{}
	authentication := &v1alpha1.TriggerAuthentication{}
	for _, from := range []struct {
		file, kind string
		object     client.Object
	}{
		{"scaling.yaml", "ScaledObject", scaled},
		{"scaling.yaml", "TriggerAuthentication", authentication},
		{"order-processor.yaml", "Deployment", deployment},
	} {
		if err := read(filepath.Join(base, from.file), from.kind, from.object); err != nil {
			return nil, nil, err
		}
	}
	settings, err := configMap(base, "order-settings", "settings.env")
	if err != nil {
		return nil, nil, err
	}
	settings.Data["KAFKA_BROKERS"] = os.Getenv("KAFKA_BROKERS")
	role, err := configMap(base, "order-processor", "order-processor.env")
	if err != nil {
		return nil, nil, err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "order-secrets"}, Data: map[string][]byte{}}
	for _, key := range secretKeys {
		if value, isThere := os.LookupEnv(key); isThere {
			secret.Data[key] = []byte(value)
		}
	}
	// Normally the operator's controller sets the status, and the autoscaler the number of replicas.
	scaled.Status.ScaleTargetGVKR = &v1alpha1.GroupVersionKindResource{Group: "apps", Version: "v1", Kind: "Deployment", Resource: "deployments"}
	deployment.Spec.Replicas = scaled.Spec.MinReplicaCount
	scaled.Spec.PollingInterval = &pollingInterval
	objects := []client.Object{scaled, authentication, deployment, settings, role, secret}
	for _, object := range objects {
		object.SetNamespace(namespace)
	}
	return scaled, objects, nil
}

// Reads the file's only object of this kind. An unknown field is an error.
func read(file, kind string, into client.Object) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, document := range strings.Split(string(text), "\n---\n") {
		var header metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &header); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if header.Kind == kind {
			if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
				return fmt.Errorf("%s, %s: %w", file, kind, err)
			}
			return nil
		}
	}
	return fmt.Errorf("%s has no %s", file, kind)
}

// The ConfigMap as kustomize generates it, but without the hash in its name.
func configMap(base, name, file string) (*corev1.ConfigMap, error) {
	text, err := os.ReadFile(filepath.Join(base, file))
	if err != nil {
		return nil, err
	}
	data := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, isSetting := strings.Cut(line, "="); isSetting && !strings.HasPrefix(line, "#") {
			data[key] = value
		}
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}, nil
}
