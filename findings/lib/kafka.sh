# shellcheck shell=bash
# A Kafka broker for scripts that source this file: broker and controller in one process, from Maven Central. Needs Java
# 17 and Maven.
jvm=(-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.level=OFF)

# start_kafka VERSION [artifact…]: starts a broker, and sets `broker` to its address and `broker_process` to its process
# id. Its files are in ./kafka-VERSION. All the jars, including those of the artifacts, are in jars/ there.
start_kafka() {
  local version=$1 directory=$PWD/kafka-$1 port artifact
  mkdir "$directory"
  cat > "$directory/pom.xml" << POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies>
$(for artifact in kafka_2.13 "${@:2}"; do
    echo "<dependency><groupId>org.apache.kafka</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
  done)
  </dependencies>
</project>
POM
  mvn --quiet --batch-mode --file "$directory/pom.xml" dependency:copy-dependencies -DoutputDirectory="$directory/jars" > /dev/null
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  broker=127.0.0.1:$port
  cat > "$directory/server.properties" << PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://$broker,CONTROLLER://127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
log.dirs=$directory/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
  java "${jvm[@]}" -cp "$directory/jars/*" kafka.tools.StorageTool format --cluster-id b3JkZXItZXZlbnQtcHJvYw --config "$directory/server.properties" \
    > "$directory/format.txt" 2>&1
  # Run the program itself in the background, because killing a background function would leave its program running.
  java "${jvm[@]}" -cp "$directory/jars/*" kafka.Kafka "$directory/server.properties" > "$directory/output.txt" 2>&1 &
  broker_process=$!
  until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do
    kill -0 "$broker_process" 2> /dev/null || { cat "$directory/output.txt" >&2; return 1; }
    sleep 0.5
  done
}

stop_kafka() {
  [ -n "${broker_process:-}" ] || return 0
  kill "$broker_process" 2> /dev/null || :
  wait "$broker_process" 2> /dev/null || :
}
