# shellcheck shell=bash
# Checks the one-container image, and runs the load test's image against it. Sourced by infra/docker/test.sh.
# shellcheck disable=SC2154 # test.sh sets prefix and work.
image=$prefix-embedded
orders=$prefix-orders
MAX_SIZE_MB=230
# Runs the image as docs/deploying.md describes.
HARDENED=(--read-only --cap-drop ALL --security-opt no-new-privileges --memory 1536m)

build() { docker build --quiet --build-arg "BUILD_IMAGE=$(cat "$work/base-node")" "$@" .; }
in_image() { docker run --rm --entrypoint node "$image" "$@"; }

is_small() {
  local bytes
  bytes=$(docker image inspect --format '{{.Size}}' "$image")
  echo "$((bytes / 1000000)) MB"
  [ "$bytes" -le "$((MAX_SIZE_MB * 1000000))" ]
}

# Lists the content of all layers, including deleted files. Engines save layers as */layer.tar or as blobs.
holds_nothing_else() {
  mkdir "$work/saved"
  docker save "$image" | tar -x -C "$work/saved"
  find "$work/saved" -type f -exec sh -c 'tar -tf "$1" 2> /dev/null' - {} \; | sed 's|^\./||' > "$work/files.txt"
  grep -q '^app/infra/host/start.ts$' "$work/files.txt"
  no grep -E '(^|/)(sh|bash|busybox|npm|apt|dpkg)$|node_modules/(typescript|vitest|oxlint|node-linux-[^/]*|azure-functions-core-tools)/' \
    "$work/files.txt"
  no grep -E '(^|/)(\.env[^/]*|\.npmrc|\.git|local\.settings[^/]*|\.data|functions-key|[^/]*\.(pem|key|db))$' "$work/files.txt"
  docker history --no-trunc "$image" > "$work/history.txt"
  no grep -iE '(key|secret|password|token)=' "$work/history.txt"
}

# No file is writable by group or others, no file is setuid or setgid, and the user owns only /data.
is_not_writable() {
  find "$work/saved" -type f -exec sh -c 'tar --numeric-owner -tvf "$1" 2> /dev/null' - {} \; | grep -v '^l' > "$work/modes.txt"
  no grep -E '^.{5}w|^.{8}w|^...s|^......s' "$work/modes.txt"
  awk '$2 != "0/0" && $NF != "data/"' "$work/modes.txt" > "$work/owned.txt"
  no grep . "$work/owned.txt"
  grep -qE '^drwxr-xr-x 1654/1654 .* data/$' "$work/modes.txt"
}

reads_snappy_and_lz4() {
  in_image --eval '
    const text = Buffer.from("an order ".repeat(100))
    const { compress, uncompress } = require("snappy")
    const lz4 = require("lz4-napi")
    Promise.all([compress(text).then(uncompress), lz4.compressFrame(text).then(lz4.decompressFrame)])
      .then((both) => process.exit(both.every((one) => text.equals(one)) ? 0 : 1))'
}

# start_orders NAME OPTION…
start_orders() {
  local name=$1
  shift
  docker run --detach --name "$name" --publish 127.0.0.1::7071 "$@" "$image"
}
address() { echo "http://$(docker port "$1" 7071/tcp | head -n 1)"; }
status() { curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' "$@"; }
answers() { [ "$(status "$(address "$1")/api/health/ready")" = 200 ]; }
# starts NAME: waits until the container is ready; if it does not become ready, prints its log and state.
starts() {
  within 120 answers "$1" && return
  docker logs --tail 20 "$1" 2>&1
  docker inspect --format '{{json .State}}' "$1"
  curl --verbose --max-time 10 "$(address "$1")/api/health/ready" 2>&1
  return 1
}
is_healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }
state() { docker inspect --format "{{.State.$2}}" "$1"; }
key_of() { docker exec "$1" node --print 'fs.readFileSync("/data/functions-key", "utf8").trim()'; }

# place CONTAINER: places an order and prints its Location.
place() {
  curl --fail-with-body --silent --show-error --dump-header - --output /dev/null --header 'content-type: application/json' \
    --data @order.json "$(address "$1")/api/orders" | tr -d '\r' | sed -n 's/^location: //Ip'
}
is_stored() { is_stored_at "$(address "$1")$2"; }
is_stored_at() { curl --silent --header 'prefer: wait=30' "$1" | grep -q '"status":"stored"'; }
balances() { curl --silent --header "x-functions-key: $(key_of "$1")" "$(address "$1")/api/ops/ledger" | grep -q '"balanced":true'; }

runs_hardened() {
  start_orders "$orders" --volume "$orders:/data" "${HARDENED[@]}"
  starts "$orders"
  docker exec "$orders" node --print 'fs.readFileSync("/proc/1/status", "utf8")' > "$work/status.txt"
  grep -qE '^Uid:\s+1654\s+1654\s+1654\s+1654' "$work/status.txt"
  grep -qE '^CapPrm:\s+0+$' "$work/status.txt"
  grep -qE '^CapEff:\s+0+$' "$work/status.txt"
}

takes_an_order() {
  local location
  location=$(place "$orders")
  is_stored "$orders" "$location"
  within 120 balances "$orders"
  echo "$location" > "$work/location.txt"
}

serves_pages() {
  local page
  for page in / /docs /dashboard /api/openapi.json /api/health/live; do
    [ "$(status "$(address "$orders")$page")" = 200 ] || {
      echo "$page: $(status "$(address "$orders")$page")"
      return 1
    }
  done
}

ops() { docker exec "$orders" node infra/ops/cli.ts "$@"; }
has_operators_tool() { ops ledger; }

# The letter is poison. Without a directory for the throwaway store, there is no outcome.
replays_fixtures() {
  docker exec "$orders" node --eval '
    const record = { topic: "orders", partition: 0, offset: 0, timestamp: 0, key: null, value: null, headers: [] }
    fs.writeFileSync("/data/letter.json", JSON.stringify({ format: "order-event-processing/dead-letter/1", id: "letter", record }))'
  ops replay-fixture /data/letter.json --json | tee "$work/replayed.json" || :
  grep -q '"outcome":"poison"' "$work/replayed.json"
  [ "$(docker exec "$orders" node --print 'fs.readdirSync("/data").filter((name) => name.startsWith("replay")).length')" = 0 ]
}

checks_its_health() {
  within 120 is_healthy "$orders"
  no docker exec --env PORT=1 "$orders" node infra/docker/embedded/healthy.js
}

stops_and_starts() {
  docker stop "$orders"
  [ "$(state "$orders" ExitCode)" = 0 ]
  docker start "$orders"
  starts "$orders"
  is_stored "$orders" "$(cat "$work/location.txt")"
}

# place_until FILE SUFFIX: places orders until the file is removed, and records their Locations in FILE.SUFFIX.
place_until() {
  local file=$1 url
  url=$(address "$orders")/api/orders
  while [ -f "$file" ]; do
    curl --silent --max-time 5 --dump-header - --output /dev/null --header 'content-type: application/json' --data @order.json "$url" \
      | tr -d '\r' | sed -n 's/^location: //Ip' >> "$file.$2"
  done
}

survives_kill() {
  local placing=$work/placing all location one url
  touch "$placing"
  for one in 1 2 3; do place_until "$placing" "$one" & done
  within 120 eval "[ \"\$(cat '$placing'.* 2> /dev/null | wc -l)\" -ge 100 ]"
  docker kill --signal KILL "$orders"
  rm "$placing"
  wait
  docker start "$orders"
  starts "$orders"
  all=$(cat "$placing".*)
  url=$(address "$orders")
  for location in $all; do
    is_stored_at "$url$location" || {
      echo "$location was accepted but is not stored"
      return 1
    }
  done
  within 120 balances "$orders"
  echo "$(wc -l <<< "$all") accepted and stored"
}

# Fills a volume of 24 MB.
survives_full_volume() {
  local full=$prefix-full location
  docker volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=24m,uid=1654,mode=0700 "$full"
  start_orders "$full" --volume "$full:/data" "${HARDENED[@]}"
  starts "$full"
  location=$(place "$full")
  docker exec "$full" node --eval '
    const file = fs.openSync("/data/filler", "w")
    for (let size = 2 ** 20; size >= 1; size /= 4) {
      try { for (;;) fs.writeSync(file, Buffer.alloc(size)) } catch (error) { if (error.code !== "ENOSPC") throw error }
    }'
  within 120 is_refused "$full"
  [ "$(state "$full" Running)" = true ]
  docker exec "$full" node --eval 'fs.rmSync("/data/filler")'
  within 60 answers "$full"
  is_stored "$full" "$location"
  is_stored "$full" "$(place "$full")"
  within 120 balances "$full"
  docker rm --force "$full"
}
is_refused() {
  [ "$(status --header 'content-type: application/json' --data @order.json "$(address "$1")/api/orders")" = 503 ]
}

# refuses_in_one_line PATTERN OPTION…: the container exits with 1 and prints the reason in one line.
refuses_in_one_line() {
  local pattern=$1
  shift
  docker rm --force "$prefix-refused" > /dev/null 2>&1
  docker run --name "$prefix-refused" "$@" "$image" > "$work/refused.txt" 2>&1 || :
  cat "$work/refused.txt"
  [ "$(state "$prefix-refused" ExitCode)" = 1 ]
  [ "$(wc -l < "$work/refused.txt")" = 1 ]
  grep -qE "$pattern" "$work/refused.txt"
}

names_volume_of_another() {
  docker volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=8m,mode=0755 "$prefix-roots"
  refuses_in_one_line '^DATA_DIR: /data ' --volume "$prefix-roots:/data" "${HARDENED[@]}"
}

runs_as_another_user() {
  docker volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=24m,uid=4321,mode=0700 "$prefix-anothers"
  start_orders "$prefix-another" --user 4321:4321 --volume "$prefix-anothers:/data" "${HARDENED[@]}"
  starts "$prefix-another"
  is_stored "$prefix-another" "$(place "$prefix-another")"
  docker rm --force "$prefix-another"
}

# Runs without --read-only, so that files written outside /data would show in the container's layer.
writes_to_data_alone() {
  local plain=$prefix-plain
  start_orders "$plain"
  starts "$plain"
  is_stored "$plain" "$(place "$plain")"
  docker diff "$plain" | tee "$work/diff.txt"
  [ ! -s "$work/diff.txt" ]
  docker rm --force --volumes "$plain"
}

takes_settings() {
  local other=$prefix-kafka
  refuses_in_one_line 'KAFKA_BROKERS' --env KAFKA_BROKERS=kafka
  start_orders "$other" --env KAFKA_BROKERS=nowhere:9092 "${HARDENED[@]}"
  within 120 eval "[ \"\$(status \"\$(address $other)/api/health/live\")\" = 200 ]"
  [ "$(status "$(address "$other")/api/health/ready")" = 503 ]
  docker stop "$other"
  [ "$(state "$other" ExitCode)" = 0 ]
}

start_loadtest() { docker run --rm "$prefix-loadtest" --help; }

# limit_memory SIZE: between a stop and a start, because Node sizes its heaps when it starts, and because the limit may be
# less than what the running container uses.
limit_memory() {
  docker stop "$orders"
  docker update --memory "$1" --memory-swap "$1" "$orders"
  docker start "$orders"
  starts "$orders"
}
was_not_killed() {
  docker stats --no-stream --format '{{.MemUsage}}' "$orders"
  [ "$(state "$orders" OOMKilled)" = false ]
  [ "$(state "$orders" Running)" = true ]
  [ "$(docker inspect --format '{{.RestartCount}}' "$orders")" = 0 ]
}

# Saturates the container over 50 connections. The load test exits with 1 if an order is lost.
withstands_load() {
  limit_memory 512m
  docker run --rm --network "container:$orders" --env "FUNCTIONS_KEY=$(key_of "$orders")" "$prefix-loadtest" \
    saturate --seconds 15 --url http://localhost:7071
  was_not_killed
}

# Anyone may send orders of the largest size, and many at once.
withstands_largest_orders() {
  limit_memory 1536m
  node infra/docker/test/load.ts large "$(address "$orders")" "$work/largest" 150 50
  node infra/docker/test/load.ts verify "$(address "$orders")" "$work/largest"
  was_not_killed
}

# By now the store is larger than 16 MiB. Up to that size SQLite rewrites a file in memory; beyond it, SQLite needs a
# temporary file.
forgets_a_customer() {
  ops forget --customer "$(node -p 'require("./order.json").customerId')" --reason 'Asked for it.'
  is_stored "$orders" "$(place "$orders")"
  was_not_killed
}

failed_before=$failed
check 'the one-container image builds' build --file infra/docker/embedded/Dockerfile --tag "$image"
# The other checks need the image.
[ "$failed" = "$failed_before" ] || return
check "it has at most $MAX_SIZE_MB MB" is_small
check 'no layer contains a shell, development tools or a secret' holds_nothing_else
check 'its user can write only to /data, and no file grants extra rights' is_not_writable
check 'it reads batches compressed with snappy and lz4' reads_snappy_and_lz4
failed_before=$failed
check 'it runs read-only, without capabilities and not as root' runs_hardened
[ "$failed" = "$failed_before" ] || return
check 'it stores an order, and the ledger balances' takes_an_order
check 'it serves home, API documents and dashboard' serves_pages
check 'the tool for operators runs in it' has_operators_tool
check 'that tool replays a dead letter in it' replays_fixtures
check 'its health check distinguishes alive from dead' checks_its_health
check 'SIGTERM ends it in an orderly way with 0, and the next start finds the order' stops_and_starts
check 'a SIGKILL under load loses nothing that was accepted' survives_kill
check 'with a full volume it refuses orders, loses none, and continues when there is room' survives_full_volume
check 'a volume of another user is reported in one line' names_volume_of_another
check 'it runs as the user who owns the volume' runs_as_another_user
check 'it writes only to /data' writes_to_data_alone
check 'it uses KAFKA_BROKERS like any other way of running the product' takes_settings
failed_before=$failed
check 'the image of the load test builds' build --file loadtest/Dockerfile --tag "$prefix-loadtest"
[ "$failed" = "$failed_before" ] || return
check 'the image of the load test starts' start_loadtest
check 'it withstands the load test in 512 MiB' withstands_load
check 'it withstands 50 callers that send the largest orders' withstands_largest_orders
check 'it forgets a customer, for which it rewrites the store, and still stores orders' forgets_a_customer
