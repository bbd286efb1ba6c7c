# shellcheck shell=bash
# Checks docker-compose.yml, and the statements about it in docs/deploying.md and docs/runbook.md. Sourced by
# infra/docker/test.sh.
# shellcheck disable=SC2154

# shellcheck source=infra/docker/test/stack.sh
. infra/docker/test/stack.sh
roles=(order-api order-processor order-query)

refuses_without_secrets() {
  local name names
  mapfile -t names < <(sed -n 's/^\(\w*\(SECRET\|KEY\|PASSWORD\)\)=.*/\1/p' .env.example)
  for name in "${names[@]}"; do
    sed "s/^$name=.*/$name=/" "$work/stack.env" > "$work/without.env"
    no "$(cat "$work/compose")" --env-file "$work/without.env" --profile '*' config --quiet 2> "$work/refusal.txt"
    grep -q "$name" "$work/refusal.txt"
  done
}

# Places an order from inside the container, because the gateway is not running yet.
place_inside() {
  inside order-api node -e "fetch('http://127.0.0.1:8080/api/orders', { method: 'POST', body: process.argv[1],
    headers: { 'content-type': 'application/json' } }).then(({ status }) => process.exit(status === 202 ? 0 : 1))" "$(cat order.json)"
}

order_api_alone() {
  up order-api
  [ "$(compose ps --services | sort | xargs)" = 'kafka order-api' ]
  # order-api is live but not ready yet, because the topics are still being created.
  within 60 place_inside
}

all_up() { up gateway "${roles[@]}" seq; }
smoke() { ENV_FILE=$work/stack.env bash infra/docker/smoke.sh; }

# The capabilities of a container's first process. The gateway has only NET_BIND_SERVICE, which is bit 10.
privileges() {
  local service expected status
  for service in gateway kafka "${roles[@]}"; do
    status=$(inside "$service" cat /proc/1/status)
    expected=0000000000000000
    [ "$service" != gateway ] || expected=0000000000000400
    echo "$service: $(grep -E '^(Uid|CapBnd|NoNewPrivs)' <<< "$status" | xargs)"
    grep -qE '^Uid:\s[1-9]' <<< "$status"
    grep -q "^CapBnd:.$expected" <<< "$status"
    grep -q '^NoNewPrivs:.1' <<< "$status"
  done
}

writes_to_tmp_alone() {
  local service
  for service in "${roles[@]}"; do
    inside "$service" bash -c '
      for directory in / /app /home /usr/local/bin /var/tmp /etc /run; do
        ! touch $directory/written 2> /dev/null || exit 1
      done
      # An extension bundle that is unpacked there contains native libraries, which must be executable.
      printf "#!/bin/sh\n" > /tmp/run && chmod +x /tmp/run && /tmp/run'
  done
  no inside gateway touch /etc/caddy/written
}

# Service names resolve only within a network, but an address might still be reachable from another network.
networks() {
  local service
  for service in "${roles[@]}"; do
    reaches "$service" kafka 9092
    reaches "$service" seq 5341
  done
  reaches gateway order-api 8080
  for service in gateway seq; do
    no reaches "$service" kafka 9092
    no reaches "$service" "$(address kafka)" 9092
  done
  no reaches kafka "$(address seq)" 5341
  no reaches kafka "$(address gateway)" 8080
}

published() {
  compose ps --all --quiet | xargs docker inspect \
    --format '{{.Name}}{{range $port, $hosts := .HostConfig.PortBindings}}{{range $hosts}} {{.HostIp}}:{{$port}}{{end}}{{end}}' \
    | tee "$work/published.txt"
  no grep -qE ' [^1]|kafka.* ' "$work/published.txt"
  [ "$(grep -c ' 127.0.0.1:' "$work/published.txt")" = 2 ]
}

limits() {
  local container
  for container in $(compose ps --all --quiet); do
    [ "$(state "$container" .HostConfig.RestartPolicy.Name)" = unless-stopped ]
    [ "$(state "$container" .HostConfig.LogConfig.Type)" = local ]
    [ "$(state "$container" .HostConfig.Memory)" -gt 0 ]
    [ "$(state "$container" .HostConfig.NanoCpus)" -gt 0 ]
  done
}

logged() { curl --silent "http://127.0.0.1:$(setting SEQ_PORT)" | grep -q '"events":[1-9]'; }
seq_takes_logs() { within 30 logged; }

# docs/deploying.md promises that every instance serves its metrics inside the network.
scraped() {
  local role
  for role in "${roles[@]}"; do
    inside seq node -e "fetch('http://$role:8080/api/metrics', { headers: { 'x-functions-key': process.argv[1] } })
      .then(({ status }) => process.exit(status === 200 ? 0 : 1))" "$(setting FUNCTIONS_KEY)"
  done
}

roll() {
  COMPOSE="$(cat "$work/compose") --project-name $prefix-stack --env-file $work/stack.env --file docker-compose.yml \
    --file infra/docker/test/compose.yml ${ROLL_FILE:+--file $ROLL_FILE}" DOCKER=$DOCKER bash infra/docker/roll.sh "$@"
}

# Runs roll.sh for a role whose new instance never becomes healthy.
roll_fails() {
  local before
  before=$(ids order-query | sort)
  cat > "$work/unhealthy.yml" << YAML
services:
  order-query: { healthcheck: { test: [CMD, 'false'], interval: 1s, timeout: 1s, retries: 1, start_period: 1ms } }
YAML
  ROLL_FILE=$work/unhealthy.yml no roll order-query
  [ "$(ids order-query | sort)" = "$before" ]
}

# Restarts the instances one at a time, as an operator would do manually.
restart_in_turn() {
  local container
  for container in $(ids order-api); do
    docker restart "$container"
    within 120 healthy "$container"
  done
}

scale_up() {
  up --no-recreate --scale order-api=3 --scale order-processor=3 order-api order-processor
  all_of_three_work
}
scale_down() {
  remember_stores
  up --no-recreate --scale order-api=1 --scale order-processor=1 order-api order-processor
}
# metric CONTAINER NAME: prints the sum of the metric's samples.
metric() {
  docker exec "$1" node -e "fetch('http://127.0.0.1:8080/api/metrics', { headers: { 'x-functions-key': process.argv[1] } })
    .then((answer) => answer.text()).then((text) => {
      let sum = 0
      for (const line of text.split('\\n')) if (line.startsWith(process.argv[2])) sum += Number(line.split(' ').at(-1))
      console.log(sum)
    })" "$(setting FUNCTIONS_KEY)" "$2"
}
# some CONTAINER NAME: whether the metric is above 0.
some() { [ "$(metric "$1" "$2")" -gt 0 ]; }
all_of_three_work() {
  local container
  [ "$(ids order-api | wc -l)" = 3 ]
  [ "$(ids order-processor | wc -l)" = 3 ]
  for container in $(ids order-api); do within 60 some "$container" orders_accepted_total; done
  for container in $(ids order-processor); do within 60 some "$container" orders_stored_total; done
}
# crash SERVICE…: kills the first process of each from outside, as the kernel would, because the restart policy does not
# apply after `docker kill`.
crash() {
  local service container
  for service in "$@"; do
    container=$(first "$service")
    state "$container" .RestartCount > "$work/restarts-of-$service"
    as_root kill -9 "$(state "$container" .State.Pid)"
  done
  for service in "$@"; do within 120 is_back "$service"; done
}
is_back() {
  local container
  container=$(first "$1")
  [ "$(state "$container" .RestartCount)" -gt "$(cat "$work/restarts-of-$1")" ] && healthy "$container"
}
accepts() {
  [ "$(curl --silent --output "$work/placed.json" --write-out '%{http_code}' --header 'content-type: application/json' \
    --data @order.json "$(url)/api/orders")" = 202 ] || return 1
  grep -o '"orderId":"[^"]*"' "$work/placed.json" | cut -d '"' -f 4 >> "$work/accepted"
}
broker_killed() {
  crash kafka
  within 120 accepts
}
roles_killed() {
  crash gateway "${roles[@]}"
  within 120 accepts
}

largest() {
  compose stop order-processor order-query 2> /dev/null
  node infra/docker/test/load.ts large "$(url)" "$work/accepted" 40
  up --no-recreate order-processor order-query
  node infra/docker/test/load.ts verify "$(url)" "$work/accepted"
  docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' | grep "$prefix"
}
within_limits() {
  local container
  for container in $(compose ps --all --quiet); do no [ "$(state "$container" .State.OOMKilled)" = true ]; done
}

# Exit codes 143 and 130 come from the stop signal, 137 from SIGKILL after the grace period.
stops_in_order() {
  local container code
  compose stop 2> /dev/null
  for container in $(compose ps --all --quiet); do
    code=$(state "$container" .State.ExitCode)
    echo "$(state "$container" .Name) $code"
    case $code in 0 | 130 | 143) ;; *) return 1 ;; esac
  done
}
down_and_up() {
  remember_stores
  compose down 2> /dev/null
  all_up
}

every_order_is_stored() { node infra/docker/test/load.ts verify "$(url)" "$work/accepted"; }
ledger() { curl --fail --silent --header "x-functions-key: $(setting FUNCTIONS_KEY)" "$(url)/api/ops/ledger"; }
balanced() { ledger | grep -q '"balanced":true.*"toCome":0'; }
verdict() {
  within 120 balanced
  ledger | grep -o '"summary":"[^"]*"' | cut -d '"' -f 4 | tee -a "$work/figures.txt"
}

# Loads every function in the image as the runtime's worker does: through package.json's `main`, and with production
# packages only. If a setting is missing, the entrypoint exits before it starts the host.
functions_image() {
  local image=$prefix-functions key=a-key-of-this-check-alone
  docker build --quiet --build-arg "BUILD_IMAGE=$(cat "$work/base-node")" --build-arg "RUNTIME_IMAGE=$(cat "$work/base-node")" \
    --file infra/docker/functions/Dockerfile --tag "$image" .
  docker run --rm --read-only --env KAFKA_BROKERS=kafka:9092 --env 'SQL_CONNECTION_STRING=Server=sqlserver;Database=orders' \
    --env ORDER_ID_SECRET=$key --entrypoint node "$image" --eval '
    const { globSync } = require("node:fs")
    const files = globSync(require("/home/site/wwwroot/package.json").main)
    if (files.length === 0) throw new Error("main names no file")
    Promise.all(files.map((file) => import(`/home/site/wwwroot/${file}`))).then(() => console.log(`${files.length} files`))'
  no docker run --rm --read-only --tmpfs /tmp --env FUNCTIONS_KEY=$key --env FUNCTIONS_MASTER_KEY=$key "$image" \
    > "$work/refusal.txt" 2>&1
  cat "$work/refusal.txt"
  grep -q KAFKA_BROKERS "$work/refusal.txt"
}

load_test() {
  docker build --quiet --build-arg "BUILD_IMAGE=$(cat "$work/base-node")" --file loadtest/Dockerfile --tag "$STAND_IN-loadtest" .
  compose run --rm --no-TTY loadtest baseline --seconds 3
}

check 'the image of the functions builds, loads every function, and refuses missing settings' functions_image
failed_before=$failed
check 'Compose is available' find_compose
check 'compose refuses to start without a secret, and names it' refuses_without_secrets
check 'the stand-ins build' build_stand_ins
check 'order-api starts with Kafka alone, and takes an order' order_api_alone
check 'the stack comes up' all_up
# The other checks need the stack.
[ "$failed" = "$failed_before" ] || return
# A consumer that has just joined waits for its group to rebalance.
check 'an order goes through all of it (smoke.sh)' within 120 smoke
check 'docker compose run --rm loadtest runs a load test' load_test
check 'no container runs as root, can gain privileges or has capabilities, except for one of the gateway' privileges
check 'the roles can write only to /tmp, and the gateway nowhere' writes_to_tmp_alone
check 'the networks are isolated as docker-compose.yml says' networks
check 'two ports are published, on loopback' published
check 'every container has limits, local logs and a restart policy' limits
check 'Seq receives the logs' seq_takes_logs
check 'every instance can be scraped in the network edge' scraped
check 'the roles are rolled one after the other under load, and no request that is safe to retry fails' under_load roll "${roles[@]}"
check 'a roll that fails leaves the old instances running, and no request that is safe to retry fails' under_load roll_fails
check 'order-api and order-processor scale to three instances under load, all of them work, and no request that is safe to retry fails' under_load scale_up
check 'three instances of order-api restart in turn under load, and no request that is safe to retry fails' under_load restart_in_turn
check 'they scale back to one instance under load, and no request that is safe to retry fails' under_load scale_down
check 'every order is stored' every_order_is_stored
check 'the broker is killed and comes back' broker_killed
check 'the roles and the gateway are killed and come back' roles_killed
check 'two hundred callers that send 1 MB each do not crash the gateway' node infra/docker/test/load.ts hold "$(url)"
check 'a lag of forty orders of the largest size is processed within the memory limits' largest
check 'no container was killed for using too much memory' within_limits
check 'everything stops in an orderly way' stops_in_order
check 'down and up keeps everything' down_and_up
check 'every order is stored after all of that' every_order_is_stored
check 'the ledger balances' verdict
sed 's/^/    /' "$work/figures.txt"
{ remember_stores && compose down --volumes && xargs -r "$DOCKER" volume rm --force < "$work/stores.txt"; } > /dev/null 2>&1
