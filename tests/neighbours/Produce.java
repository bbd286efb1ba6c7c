import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Writes each line of standard input as a record, acknowledged by all replicas, and prints `partition offset`.
 * Arguments: BROKERS TOPIC.
 */
class Produce {
  public static void main(String[] args) throws Exception {
    var settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("acks", "all");
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      for (var line : (Iterable<String>) new java.io.BufferedReader(new java.io.InputStreamReader(System.in)).lines()::iterator) {
        var metadata = producer.send(new ProducerRecord<>(args[1], line)).get();
        System.out.println(metadata.partition() + " " + metadata.offset());
      }
    }
  }
}
