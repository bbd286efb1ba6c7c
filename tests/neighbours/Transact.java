import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Transactions of several producers, one step for each line of standard input. Prints `done` after each step.
 * Arguments: BROKERS TOPIC.
 *
 * begin NAME | send NAME VALUE [KEY in base64] | many NAME COUNT BYTES | commit NAME | abort NAME
 */
class Transact {
  public static void main(String[] args) throws Exception {
    Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      var step = line.split(" ");
      var producer = producers.computeIfAbsent(step[1], name -> open(args[0], name));
      switch (step[0]) {
        case "begin" -> producer.beginTransaction();
        case "send" -> {
          var key = step.length > 3 ? Base64.getDecoder().decode(step[3]) : null;
          producer.send(new ProducerRecord<>(args[1], 0, key, step[2].getBytes())).get();
        }
        case "many" -> {
          for (int index = 0; index < Integer.parseInt(step[2]); index++) {
            producer.send(new ProducerRecord<>(args[1], 0, null, new byte[Integer.parseInt(step[3])]));
          }
          producer.flush();
        }
        case "commit" -> producer.commitTransaction();
        case "abort" -> producer.abortTransaction();
        default -> throw new IllegalArgumentException(line);
      }
      System.out.println("done");
    }
  }

  private static KafkaProducer<byte[], byte[]> open(String brokers, String name) {
    var settings = new Properties();
    settings.put("bootstrap.servers", brokers);
    settings.put("transactional.id", name);
    settings.put("transaction.timeout.ms", "120000");
    var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    producer.initTransactions();
    return producer;
  }
}
